/** Messages to whoever listens at the moment, on any instance. For what may be missed and asked for again: live pages. What
 *  must not be missed is a job or an event.
 *
 *  U1  What is published after `subscribe` has resolved reaches the subscriber, on whatever instance it was published.
 *  U2  A subscriber gets the messages of one instance in the order in which they were published there, each once.
 *  U3  With `tx`, a message goes out if and only if the transaction commits.
 *  U4  Messages may be lost while the connection is: then every subscriber's `onGap` is called.
 *  U5  A message may be as large as `LARGEST_MESSAGE`; a larger one is refused when it is published.
 *  U6  A subscriber that asks for what came after a message that it knows gets that, if it was lately; else `onGap`. */
export interface PubSub {
  /** Resolves when the message is on its way; with `tx` at once, since it goes out after the commit. Rejects when it could
   *  not be sent. */
  publish(channel: string, data: unknown, within?: { tx?: AfterCommit }): Promise<void>
  subscribe(channel: string, subscriber: Subscriber, options?: SubscribeOptions): Promise<Subscription>
  close(): Promise<void>
}

export interface Subscriber {
  onMessage(message: Message): void
  /** Messages may have been missed: ask anew for what they tell about. */
  onGap(): void
}

export interface Message {
  /** Unique, the same on all instances. */
  readonly id: string
  readonly data: unknown
}

export interface SubscribeOptions {
  /** The last message that the subscriber knows. */
  after?: string
}

export interface Subscription {
  close(): void
}

export interface AfterCommit {
  afterCommit(callback: () => void): void
}

/** In bytes of JSON. Larger things are better fetched by those who want them. */
export const LARGEST_MESSAGE = 256 * 1024
