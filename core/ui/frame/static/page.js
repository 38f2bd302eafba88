// Two things that every page needs beside what Streamlit does.
(() => {
  if (window.payopsPage) return;
  window.payopsPage = true;

  // An invisible character keeps addresses in text from becoming links; what is copied does not have it.
  document.addEventListener("copy", (event) => {
    const chosen = String(document.getSelection());
    if (!chosen.includes("\u2060")) return;
    event.clipboardData.setData("text/plain", chosen.replaceAll("\u2060", ""));
    event.preventDefault();
  });

  // In the sidebar each section is a list of its pages: Streamlit puts the sections into one list, which is invalid.
  const makeLists = () => {
    for (const all of document.querySelectorAll('[data-testid="stSidebarNavItems"]')) {
      all.setAttribute("role", "none");
      for (const section of all.children) section.setAttribute("role", "list");
    }
  };
  makeLists();
  new MutationObserver(makeLists).observe(document.querySelector('[data-testid="stSidebar"]'), {
    childList: true,
    subtree: true,
  });
})();
