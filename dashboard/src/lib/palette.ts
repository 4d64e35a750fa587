// The colours of the page for a canvas, which cannot read light-dark() or var().

/** The family of type, for a canvas. */
export const FONT = '"Atkinson Hyperlegible Next Variable", system-ui, sans-serif';

export const NAMES = ["text", "muted", "line", "ground", "periodic", "x", "y", "z"] as const;
export type Palette = Record<(typeof NAMES)[number], string>;

function resolve(): Palette {
  const probe = document.createElement("i");
  document.body.append(probe);
  const pairs = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(pairs) as Palette;
}

/** Calls `use` with the colours now and whenever the theme changes, until the returned function is called. */
export function withPalette(use: (palette: Palette) => void): () => void {
  const queries = ["(prefers-color-scheme: dark)", "print"].map((query) => matchMedia(query));
  const change = () => use(resolve());
  change();
  for (const query of queries) query.addEventListener("change", change);
  document.addEventListener("themechange", change);
  return () => {
    for (const query of queries) query.removeEventListener("change", change);
    document.removeEventListener("themechange", change);
  };
}

export const prefersReducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
