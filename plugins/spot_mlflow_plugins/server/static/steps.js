// Shows a question a screen on a phone. Without it, and on a desk, the form is one list.
(function () {
  "use strict";
  var form = document.querySelector("form[data-draft]");
  var narrow = window.matchMedia("(max-width: 48rem)");
  if (!form || !narrow.matches || document.getElementById("wrong")) { return; }
  var questions = Array.prototype.slice.call(form.querySelectorAll(":scope > fieldset"));
  questions = questions.filter(function (q) { return /^\s*\d+ of \d+\./.test(q.querySelector("legend").textContent); });
  if (questions.length < 3) { return; }
  var send = form.querySelector("button[type=submit]");
  var first = Array.prototype.filter.call(form.children, function (part) {
    return part.matches(".field, fieldset") && questions.indexOf(part) < 0;
  });
  var steps = questions.slice();
  if (first.length) { steps.unshift(null); } // who speaks, before the questions
  var at = 0;

  function button(words, by) {
    var made = document.createElement("button");
    made.type = "button";
    made.textContent = words;
    made.addEventListener("click", function () { show(at + by, true); });
    return made;
  }
  var back = button("Back", -1);
  var next = button("Next", 1);
  send.before(back, " ", next, " ");

  function show(step, moved) {
    at = Math.max(0, Math.min(step, steps.length - 1));
    first.forEach(function (part) { part.hidden = steps[at] !== null; });
    questions.forEach(function (q) { q.hidden = q !== steps[at]; });
    back.hidden = at === 0;
    next.hidden = at === steps.length - 1;
    send.hidden = !next.hidden;
    if (moved) {
      var part = steps[at] || first[0];
      (part.matches("fieldset") ? part : part.querySelector("input, select, textarea")).focus();
      window.scrollTo(0, 0);
    }
  }
  form.addEventListener("keydown", function (e) {
    if (e.key === "Enter" && !next.hidden && e.target.matches("input")) { // Enter goes on, and sends the last one
      e.preventDefault();
      show(at + 1, true);
    }
  });
  show(0, false);
})();
