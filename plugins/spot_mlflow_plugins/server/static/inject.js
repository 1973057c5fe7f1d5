// In MLflow's own pages: a link in the sidebar, and on a model's page a panel with the gate's answer.
// Relative addresses only; whatever fails, MLflow's page stays as it is.
(function () {
  "use strict";
  var PANEL = "spot-panel";
  var LINK = "spot-link";
  var asked = "";

  function place() {
    var found = /^#\/models\/([^/?]+)(?:\/versions\/(\d+))?/.exec(window.location.hash);
    return found && { name: decodeURIComponent(found[1]), version: found[2] || "" };
  }

  function dark() {
    return document.body.classList.contains("dark-mode") ||
      window.localStorage.getItem("_mlflow_dark_mode_toggle_enabled") === "true";
  }

  function make(tag, text, style) {
    var made = document.createElement(tag);
    if (text) { made.textContent = text; }
    if (style) { made.style.cssText = style; }
    return made;
  }

  function query(at) {
    return "name=" + encodeURIComponent(at.name) + (at.version ? "&version=" + at.version : "");
  }

  function draw(said, at) {
    remove();
    var ink = dark() ? "#e8ecf0" : "#11171c";
    var paper = dark() ? "#1a2229" : "#ffffff";
    var line = dark() ? "#a7b4bf" : "#55636f";
    var accent = dark() ? "#8acaff" : "#0e538b";
    var box = make("aside", "", "position:fixed;right:16px;bottom:16px;z-index:900;max-width:min(22rem,calc(100vw - 32px));" +
      "padding:12px 16px;border-radius:8px;font:13px/1.45 system-ui,sans-serif;box-shadow:0 2px 12px rgba(0,0,0,.25);" +
      "color:" + ink + ";background:" + paper + ";border:1px solid " + line);
    box.id = PANEL;
    box.setAttribute("aria-label", "S.P.O.T. of this model");
    var head = make("div", "", "display:flex;gap:12px;justify-content:space-between;align-items:start");
    var mark = said.allowed === null ? "" : said.allowed ? "✓ " : "✕ ";
    head.appendChild(make("strong", mark + said.gate));
    var close = make("button", "×", "border:0;background:none;color:inherit;font-size:16px;line-height:1;cursor:pointer;padding:2px 4px");
    close.type = "button";
    close.setAttribute("aria-label", "Close this panel");
    close.addEventListener("click", remove);
    head.appendChild(close);
    box.appendChild(head);
    box.appendChild(make("p", said.headline, "margin:6px 0"));
    if (said.missing.length) {
      var list = make("ul", "", "margin:6px 0;padding-left:18px");
      said.missing.forEach(function (what) { list.appendChild(make("li", what)); });
      box.appendChild(list);
    }
    var letters = said.letters.map(function (found) {
      return found.name + " " + (found.level === null ? "not known" : found.level);
    });
    box.appendChild(make("p", letters.join(" · "), "margin:6px 0"));
    var more = make("a", "Everything about it", "color:" + accent + ";font-weight:600");
    more.href = "spot/model?" + query(at);
    box.appendChild(more);
    document.body.appendChild(box);
  }

  function remove() {
    var box = document.getElementById(PANEL);
    if (box) { box.remove(); }
  }

  function update() {
    link();
    var at = place();
    var wanted = at ? query(at) : "";
    if (wanted === asked) { return; }
    asked = wanted;
    remove();
    if (!at) { return; }
    window.fetch("spot/panel?" + wanted, { credentials: "same-origin" })
      .then(function (answer) { return answer.ok ? answer.json() : null; })
      .then(function (said) { if (said && asked === wanted) { draw(said, at); } })
      .catch(function () { /* no panel; MLflow's page is whole without it */ });
  }

  // The sidebar is drawn by MLflow's own program, now and again: the link is put back when it goes.
  function link() {
    if (document.getElementById(LINK)) { return; }
    var near = ["#/models", "#/experiments"].map(function (to) {
      return document.querySelector('aside a[href$="' + to + '"], nav a[href$="' + to + '"], ul a[href$="' + to + '"]');
    }).filter(Boolean)[0];
    var item = near && (near.closest("li") || near);
    if (!item || !item.parentNode) { return; }
    var made = item.cloneNode(true);
    made.id = LINK;
    var anchor = made.matches("a") ? made : made.querySelector("a");
    anchor.href = "spot/";
    anchor.removeAttribute("aria-current");
    anchor.setAttribute("aria-label", "S.P.O.T. portfolio");
    var walker = document.createTreeWalker(anchor, NodeFilter.SHOW_TEXT);
    var text = walker.nextNode();
    while (text && !text.nodeValue.trim()) { text = walker.nextNode(); }
    if (text) { text.nodeValue = "S.P.O.T."; }
    item.parentNode.insertBefore(made, item.nextSibling);
  }

  window.addEventListener("hashchange", update);
  window.addEventListener("popstate", update);
  ["pushState", "replaceState"].forEach(function (name) {
    var inner = window.history[name];
    window.history[name] = function () {
      var result = inner.apply(this, arguments);
      window.setTimeout(update, 0);
      return result;
    };
  });
  var waiting = 0;
  new MutationObserver(function () {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(update, 200);
  }).observe(document.documentElement, { childList: true, subtree: true });
  update();
})();
