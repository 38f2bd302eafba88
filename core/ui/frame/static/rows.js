// A table that opens its rows: a click anywhere in a row, or Enter on it, does what Shift and Space do in Streamlit's
// table, which is to choose the row. Links in the table open as links.
(() => {
  if (window.payopsRows) return;
  window.payopsRows = true;
  const TABLE = '[class*="st-key-opens-"] [data-testid="stDataFrame"]';
  const CELLS = "canvas, .dvn-scroller";
  const HEADING_PIXELS = 36, MARK_PIXELS = 36, AFTER_TABLE_MS = 30, CHECK_MS = 400, NOTICED_MS = 20;
  let linkOpenedAt = 0;
  // Streamlit's table takes a click only if it noticed the mouse over it before. It did not if the page drew the table
  // anew below a mouse that rests, or if the click comes at once: such a click is made once more.
  let over = null, overSince = 0, noticed = true;
  document.addEventListener("pointermove", (event) => {
    const canvas = event.target.closest?.(TABLE)?.querySelector("canvas") ?? null;
    if (canvas !== over) [over, overSince] = [canvas, performance.now()];
  }, true);
  document.addEventListener("pointerdown", (event) => {
    const canvas = event.target.closest?.(TABLE)?.querySelector("canvas");
    if (canvas) noticed = canvas === over && performance.now() - overSince > NOTICED_MS;
  }, true);
  const later = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));
  const clickAgain = async (target, { clientX, clientY }, clickedAt) => {
    const at = { clientX, clientY, bubbles: true, cancelable: true, pointerType: "mouse", isPrimary: true };
    target.dispatchEvent(new PointerEvent("pointermove", at));
    await later(AFTER_TABLE_MS);
    if (linkOpenedAt >= clickedAt) return;
    target.dispatchEvent(new PointerEvent("pointerdown", { ...at, buttons: 1 }));
    target.dispatchEvent(new PointerEvent("pointerup", at));
    await later(AFTER_TABLE_MS);
  };
  const openLink = window.open;
  window.open = (...given) => {
    linkOpenedAt = Date.now();
    return openLink.apply(window, given);
  };
  const choose = (table) => {
    const focused = table.contains(document.activeElement) ? document.activeElement : table.querySelector("canvas");
    const keys = { key: " ", code: "Space", keyCode: 32, shiftKey: true, bubbles: true, cancelable: true };
    focused.dispatchEvent(new KeyboardEvent("keydown", keys));
  };
  // The first keys go nowhere where the table had not yet taken over the focus: the cell is chosen then, and no row.
  const chooseAgain = (table, at, tries) => {
    if (!table.isConnected || location.href !== at) return;
    if (table.querySelector('[role="gridcell"][aria-selected="true"]')) {
      if (!table.querySelector('tbody [role="row"][aria-selected="true"], tbody tr[aria-selected="true"]')) choose(table);
    } else if (tries) setTimeout(chooseAgain, CHECK_MS, table, at, tries - 1);
  };
  document.addEventListener("click", (event) => {
    const table = event.target.closest?.(TABLE);
    if (!table || event.detail > 1 || event.button !== 0 || !event.target.closest(CELLS)) return;
    const box = table.getBoundingClientRect();
    if (event.clientY - box.top < HEADING_PIXELS || event.clientX - box.left < MARK_PIXELS) return;
    const clickedAt = Date.now(), at = location.href;
    const taken = noticed ? later(AFTER_TABLE_MS) : clickAgain(event.target, event, clickedAt);
    taken.then(() => {
      if (linkOpenedAt >= clickedAt) return;
      choose(table);
      setTimeout(chooseAgain, CHECK_MS, table, at, 5);
    });
  }, true);
  document.addEventListener("keydown", (event) => {
    const table = event.target.closest?.(TABLE);
    if (!table || event.key !== "Enter" || event.target.closest("button, input")) return;
    event.preventDefault();
    event.stopPropagation();
    choose(table);
  }, true);
})();
