// In Locust's page: while our tab is chosen, the page of the queue stands in the place of Locust's table.
(() => {
  "use strict";
  const TITLE = "SQS";
  const FRAME = "redrive-live";

  const style = document.createElement("style");
  style.textContent = `#${FRAME} { display: block; width: 100%; min-height: 400px; border: 0 } #${FRAME} ~ * { display: none }`;
  document.head.append(style);

  // The strip of the tabs, as a child of what the chosen tab's content is a child of too.
  function strip() {
    const chosen = document.querySelector('[role="tab"][aria-selected="true"]');
    if (!chosen || chosen.textContent.trim() !== TITLE) return null;
    const list = chosen.closest('[role="tablist"]');
    const container = list && list.closest(".MuiContainer-root");
    return container && [...container.children].find((child) => child.contains(list));
  }

  function newFrame() {
    const frame = document.createElement("iframe");
    frame.id = FRAME;
    frame.title = "The queue during the run";
    frame.src = "redrive";
    frame.addEventListener("load", () => {
      const page = frame.contentDocument;
      const main = page && page.querySelector("main");
      if (!main) return; // the login
      new frame.contentWindow.ResizeObserver(() => {
        frame.style.height = `${Math.ceil(main.getBoundingClientRect().height)}px`;
      }).observe(main);
      dress();
    });
    return frame;
  }

  // As light or dark as Locust is: that is a button of its own there.
  function dress() {
    const frame = document.getElementById(FRAME);
    const page = frame && frame.contentDocument;
    if (!page || !page.documentElement || !page.body) return;
    const ground = getComputedStyle(document.body).backgroundColor;
    const [red, green, blue] = (ground.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
    const theme = (red * 3 + green * 6 + blue) / 10 < 128 ? "dark" : "light";
    if (page.documentElement.dataset.theme !== theme) page.documentElement.dataset.theme = theme;
    page.body.style.background = ground;
  }

  function place() {
    const before = strip();
    const frame = document.getElementById(FRAME);
    if (frame && frame.previousElementSibling !== before) frame.remove();
    if (before && !document.getElementById(FRAME)) before.after(newFrame());
    dress();
  }

  let asked = false;
  new MutationObserver(() => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      place();
    });
  }).observe(document.documentElement, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["aria-selected", "class"],
  });
  place();
})();
