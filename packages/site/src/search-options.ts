import type { Options } from 'minisearch'

/** Shared by what builds the index and what searches in it. */
export const SEARCH_OPTIONS: Options = {
  fields: ['title', 'heading', 'words'],
  storeFields: ['page', 'heading', 'start'],
  searchOptions: {
    boost: { title: 4, heading: 3 },
    prefix: true,
    fuzzy: (term) => (term.length > 4 ? 0.15 : false),
    combineWith: 'AND',
    // Who searches wants to do something first, and to know why it is so later.
    boostDocument: (id) => (/^(guide|tutorial|errors)\//.test(String(id)) ? 1.5 : 1),
  },
}
