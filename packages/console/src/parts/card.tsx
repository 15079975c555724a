import type { ComponentChildren } from 'preact'

/** A titled part of a page. */
export function Card(props: {
  title: string
  note?: ComponentChildren
  tools?: ComponentChildren
  children: ComponentChildren
}) {
  return (
    <section class="card" aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.note !== undefined && <span class="note">{props.note}</span>}
        {props.tools && <div class="tools">{props.tools}</div>}
      </header>
      {props.children}
    </section>
  )
}

/** Names and values. */
export function Facts({ facts }: { facts: [name: string, value: ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** One number to be seen from afar. */
export function Stat(props: { name: string; value: string; detail?: string; trouble?: boolean; href?: string }) {
  const body = (
    <>
      <span class="stat-name">{props.name}</span>
      <span class={props.trouble ? 'stat-value trouble' : 'stat-value'}>{props.value}</span>
      <span class="stat-detail">{props.detail}</span>
    </>
  )
  return props.href ? (
    <a class="stat" href={props.href}>
      {body}
    </a>
  ) : (
    <div class="stat">{body}</div>
  )
}

/** Grey unless something is wrong. */
export function Badge({
  tone = 'quiet',
  children,
}: {
  tone?: 'quiet' | 'active' | 'warning' | 'trouble'
  children: ComponentChildren
}) {
  return <span class={`badge ${tone}`}>{children}</span>
}
