// Five things that every page needs beside what Streamlit does.
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

  // One press of Back leads to the view before. Streamlit adds an entry for the old page with the new page's filters, one
  // for the new page, and one for each filter that the page sets itself: until a person does something they are one.
  let acted = false;
  for (const each of ["pointerdown", "keydown"]) document.addEventListener(each, () => { acted = true; }, true);
  const push = history.pushState.bind(history);
  history.pushState = (...entry) => {
    if (acted) push(...entry);
    else history.replaceState(...entry);
    acted = false;
  };

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

  // Streamlit keeps an invalid value to itself and leaves the button enabled, which would act with the last valid one.
  const FORM = '[data-testid="stForm"]';
  const SCOPES = `[role="dialog"], ${FORM}, [class*="st-key-guarded-"]`;
  const FIELDS = '[aria-invalid="true"], [data-invalid="true"], input';
  const BUTTONS = '[data-testid^="stBaseButton-primary"], [data-testid$="FormSubmit"]';
  const MARK = "data-beside-invalid";
  const isInvalid = (field) => {
    if (field.getAttribute("aria-invalid") === "true" || field.dataset.invalid === "true") return true;
    const found = field.validity;
    return !!found && (found.badInput || found.rangeOverflow || found.rangeUnderflow || found.typeMismatch);
  };
  const invalidIn = (scope) => scope && [...scope.querySelectorAll(FIELDS)].find(isInvalid);
  const invalidBeside = (button) => invalidIn(button.closest(SCOPES));
  const bar = () => {
    if (!document.querySelector(SCOPES)) return;
    for (const button of document.querySelectorAll(SCOPES.split(", ").map((each) => `${each} :is(${BUTTONS})`))) {
      if (!!invalidBeside(button) === button.hasAttribute(MARK)) continue;
      if (button.toggleAttribute(MARK)) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    }
  };
  const SOON_MS = 50; // once for many changes while a page is drawn
  let asked = false;
  // Where a click changed something out of view, the page says with an element whose number is new.
  let looked = null;
  const look = () => {
    const here = document.querySelector("[data-look-here]");
    if (!here || here.dataset.lookHere === looked) return;
    looked = here.dataset.lookHere;
    Object.assign(here.style, { display: "block", scrollMarginTop: "3rem" });
    here.scrollIntoView({ behavior: "smooth" });
  };
  const barSoon = () => {
    if (asked) return;
    asked = true;
    setTimeout(() => { asked = false; bar(); look(); }, SOON_MS);
  };
  new MutationObserver(barSoon).observe(document.body, {
    childList: true,
    subtree: true,
    attributeFilter: ["aria-invalid", "data-invalid"],
  });
  for (const each of ["input", "focusout"]) document.addEventListener(each, barSoon, true);
  const refuse = (event, field) => {
    if (!field) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    bar();
    (field.matches("input, [tabindex]") ? field : field.querySelector("input, [tabindex]"))?.focus();
  };
  // Enter in a field sends its whole form; in a list it chooses, and in a text of several lines it begins the next.
  const sendsForm = ({ key, target, ctrlKey, metaKey }) =>
    key === "Enter" && target.matches?.(ctrlKey || metaKey ? "input, textarea" : "input:not([role=combobox])");
  const refuseAt = (event) => {
    const button = event.target.closest?.(BUTTONS);
    if (button) refuse(event, invalidBeside(button));
  };
  document.addEventListener("click", refuseAt, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    refuseAt(event);
    if (sendsForm(event)) refuse(event, invalidIn(event.target.closest(FORM)));
  }, true);
})();
