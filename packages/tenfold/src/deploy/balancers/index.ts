/** Configuration of the load balancers that stand in front of an app. */
export { BalancerRefused } from './errors.ts'
export { haproxyConfig, type HaproxyOptions } from './haproxy.ts'
export { nginxConfig, nginxPlainHttp, nginxSite, type NginxOptions } from './nginx.ts'
export type { BalancedInstance, BalancerListen, BalancerOptions, BalancerTls } from './options.ts'
export { isNetwork } from './settle.ts'
