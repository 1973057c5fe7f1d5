// Copies the address of a link marked data-copy; without a clipboard it stays a link.
document.querySelectorAll("a[data-copy]").forEach((link) => {
  link.addEventListener("click", async (event) => {
    if (!navigator.clipboard) return;
    event.preventDefault();
    const said = document.querySelector("[data-copied]");
    try {
      await navigator.clipboard.writeText(link.href);
      said.textContent = "Copied.";
    } catch {
      window.location.assign(link.href);
    }
  });
});
