export {
  checkBalancer,
  freePort,
  startBalancer,
  testCertificate,
  type BalancerKind,
  type TestBalancer,
} from './balancer.ts'
