import type { ComponentChildren } from 'preact'

/** The title of a page, the way back, and what can be set for all of it. */
export function PageHead(props: {
  title: ComponentChildren
  back?: [href: string, name: string]
  children?: ComponentChildren
}) {
  return (
    <header class="page-head">
      <div>
        {props.back && (
          <a class="back" href={props.back[0]}>
            ← {props.back[1]}
          </a>
        )}
        <h1>{props.title}</h1>
      </div>
      {props.children && <div class="fields">{props.children}</div>}
    </header>
  )
}
