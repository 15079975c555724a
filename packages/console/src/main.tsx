import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/pages.css'
import './styles/analytics.css'
import './styles/modules.css'
import { Console } from './shell/console.tsx'

render(<Console />, document.getElementById('app')!)
