export { describePubSubContract, type PubSubBackend } from './contract.ts'
