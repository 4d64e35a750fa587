// Svelte as it comes: it understands the types by itself.
export default {};
