// A popover that was opened by a key takes the focus, which Streamlit (1.67) leaves on its button: Tab
// would reach what is in it only after all of the page.
if (!window.hamPopovers) {
  window.hamPopovers = new MutationObserver(changes => {
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      const body = node.querySelector?.("[data-testid=stPopoverBody]");
      if (!body || !document.activeElement.matches(":focus-visible")) continue;
      const first = body.querySelector("a[href], button:not(:disabled), input, [tabindex='0']");
      if (!first) body.tabIndex = -1;
      (first ?? body).focus({ focusVisible: true });
    }
  });
  window.hamPopovers.observe(document.body, { childList: true, subtree: true });
}
