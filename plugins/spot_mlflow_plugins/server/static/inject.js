// In MLflow's own pages: a link in the sidebar, one line under the title of a model, and in the dialogs the
// address of a refusal as a link. Relative addresses only; whatever fails, MLflow's page stays as it is.
(function () {
  "use strict";
  var LINE = "spot-line";
  var LINK = "spot-link";
  var NARROW = 240; // pixels; in a title block that is narrower the line would be a column of words
  var PATIENCE = 4000; // milliseconds until a page without a title gets the line at its top
  var asked = "";
  var said = null;
  var since = 0;

  function place() {
    var found = /^#\/models\/([^/?]+)(?:\/versions\/(\d+))?(?:[/?]|$)/.exec(window.location.hash);
    try {
      return found && { name: decodeURIComponent(found[1]), version: found[2] || "" };
    } catch (malformed) {
      return null;
    }
  }

  function query(at) {
    return "name=" + encodeURIComponent(at.name) + (at.version ? "&version=" + at.version : "");
  }

  function make(tag, text) {
    var made = document.createElement(tag);
    if (text) { made.textContent = text; }
    return made;
  }

  // The smallest block that holds both the title and the page's menu; the title where there is no menu.
  function block() {
    var main = document.querySelector("main");
    var title = main && main.querySelector("h1, h2, [role=heading]");
    if (!title) { return null; }
    var menu = main.querySelector("[data-testid=overflow-menu-trigger], [data-component-id*=pageheader]");
    var found = title;
    while (menu && found !== main && !found.contains(menu)) { found = found.parentElement; }
    found = found === main ? title : found;
    return found.getBoundingClientRect().width < NARROW ? null : found;
  }

  // Puts the line under the title. Where none is found it goes to the top of the page, in the flow of
  // it: nothing of MLflow's is covered.
  function show(line) {
    var under = block();
    if (under) {
      if (under.nextElementSibling !== line) { under.insertAdjacentElement("afterend", line); }
    } else if (Date.now() - since > PATIENCE) {
      var top = document.querySelector("main") || document.body;
      if (top.firstElementChild !== line) { top.prepend(line); }
    } else {
      window.setTimeout(update, PATIENCE);
    }
  }

  function draw(at) {
    var line = make("p");
    line.id = LINE;
    line.dataset.of = asked;
    line.setAttribute("role", "status");
    line.setAttribute("aria-label", "S.P.O.T. of this model");
    line.style.cssText = "margin:4px 0 8px;padding:0;font:inherit;line-height:1.5;overflow-wrap:anywhere";
    var mark = said.allowed === null ? "" : said.allowed ? "\u2713 " : "\u2715 ";
    line.appendChild(make("strong", mark + said.result + ". "));
    if (said.gate) { line.appendChild(document.createTextNode(said.gate.replace(/\.$/, "") + ". ")); }
    var more = make("a", said.missing.length ? "What is missing" : "Everything about it");
    more.href = "spot/model?" + query(at);
    more.style.textDecoration = "underline";
    line.appendChild(more);
    return line;
  }

  function put(at) {
    var line = document.getElementById(LINE);
    if (line && line.dataset.of !== asked) {
      line.remove();
      line = null;
    }
    if (at && said) { show(line || draw(at)); }
  }

  // The address in a refusal becomes a link; to this server only, whatever else was written.
  function link() {
    var boxes = document.querySelectorAll("[role=alert], [role=dialog]");
    for (var i = 0; i < boxes.length; i += 1) {
      var walker = document.createTreeWalker(boxes[i], NodeFilter.SHOW_TEXT);
      var node = walker.nextNode();
      while (node) {
        var found = /\[spot\][\s\S]*?(spot\/model\?[^\s"]+)/.exec(node.nodeValue);
        if (found && !node.parentNode.closest("a")) {
          var rest = node.splitText(node.nodeValue.indexOf(found[1]));
          rest.splitText(found[1].length);
          var made = make("a", "the page of this version");
          made.href = found[1];
          made.style.textDecoration = "underline";
          rest.parentNode.replaceChild(made, rest);
          break;
        }
        node = walker.nextNode();
      }
    }
  }

  // The sidebar is drawn by MLflow's own program, now and again: the entry is put back when it goes.
  function entry() {
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
    var icon = anchor.querySelector("svg");
    if (icon) { icon.replaceWith(target()); }
    var walker = document.createTreeWalker(anchor, NodeFilter.SHOW_TEXT);
    var text = walker.nextNode();
    while (text && !text.nodeValue.trim()) { text = walker.nextNode(); }
    if (text) { text.nodeValue = "S.P.O.T."; }
    item.parentNode.insertBefore(made, item.nextSibling);
  }

  // A target: two rings and the spot, in the colour of the text.
  function target() {
    var space = "http://www.w3.org/2000/svg";
    var icon = document.createElementNS(space, "svg");
    icon.setAttribute("viewBox", "0 0 16 16");
    icon.setAttribute("width", "1em");
    icon.setAttribute("height", "1em");
    icon.setAttribute("aria-hidden", "true");
    [[6.5, "none"], [3.5, "none"], [1.2, "currentColor"]].forEach(function (ring) {
      var circle = document.createElementNS(space, "circle");
      circle.setAttribute("cx", "8");
      circle.setAttribute("cy", "8");
      circle.setAttribute("r", String(ring[0]));
      circle.setAttribute("fill", ring[1]);
      circle.setAttribute("stroke", "currentColor");
      circle.setAttribute("stroke-width", "1.5");
      icon.appendChild(circle);
    });
    return icon;
  }

  function update() {
    entry();
    link();
    var at = place();
    var wanted = at ? query(at) : "";
    if (wanted !== asked) {
      asked = wanted;
      said = null;
      since = Date.now();
      if (at) { ask(wanted); }
    }
    put(at);
  }

  function ask(wanted) {
    window.fetch("spot/panel?" + wanted, { credentials: "same-origin" })
      .then(function (answer) { return answer.ok ? answer.json() : null; })
      .then(function (found) {
        if (asked === wanted) {
          said = found;
          update();
        }
      })
      .catch(function () { /* no line; MLflow's page is whole without it */ });
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
    if (!waiting) {
      waiting = window.setTimeout(function () {
        waiting = 0;
        update();
      }, 150);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
  update();
})();
