// Before the first paint, so that a chosen theme does not flash.
try {
  const theme = localStorage.getItem('tenfold.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is turned off: the system's preference is used.
}
