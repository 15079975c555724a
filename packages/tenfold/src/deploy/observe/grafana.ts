/** What Grafana finds when it starts: where Prometheus is, and the folder with the dashboard.
 *  https://grafana.com/docs/grafana/latest/administration/provisioning/ */
import type { Facts } from '../deploy.ts'

export function grafanaSource({ app }: Facts, prometheus: string): string {
  return `# The Prometheus that the dashboards of ${app} ask. Goes to /etc/grafana/provisioning/datasources/; then: restart Grafana
apiVersion: 1
datasources:
  - name: Prometheus
    type: prometheus
    access: proxy
    url: ${prometheus}
    isDefault: true
    # As often as it is scraped: Grafana chooses ranges of at least four times that.
    jsonData: { timeInterval: 15s, httpMethod: POST }
`
}

export function grafanaFolder({ app }: Facts, folder: string): string {
  return `# The dashboards of ${app} are files. Goes to /etc/grafana/provisioning/dashboards/; a change of a file is seen by itself.
apiVersion: 1
providers:
  - name: ${app}
    type: file
    # What is changed in the browser is not kept: the file in git is what holds.
    allowUiUpdates: false
    options: { path: ${folder} }
`
}
