// Exchanges the page's one-time ticket for the session cookie, or gives the cookie back after signing out.
(() => {
  const post = (path, body) =>
    fetch(path, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  for (const mark of document.querySelectorAll("[data-session-ticket]")) {
    const ticket = mark.dataset.sessionTicket;
    mark.removeAttribute("data-session-ticket");
    post("/auth/session", { ticket });
  }
  for (const mark of document.querySelectorAll("[data-session-ended]")) {
    mark.removeAttribute("data-session-ended");
    post("/auth/sign-out", {});
  }
})();
