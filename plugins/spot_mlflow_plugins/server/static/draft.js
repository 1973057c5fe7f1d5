// Keeps what is typed into a form until it is sent, and counts answers. The form works the same without it.
(function () {
  "use strict";
  var SENT = "spot-sent";
  var KEPT = 14 * 24 * 3600 * 1000; // milliseconds
  var OURS = ["token", "id"];

  function storage(work) {
    try { work(window.localStorage); } catch (refused) { /* no storage, no draft */ }
  }

  if (document.querySelector(".done")) { // what was sent is recorded
    storage(function (kept) {
      kept.removeItem(kept.getItem(SENT) || "");
      kept.removeItem(SENT);
    });
  }
  var form = document.querySelector("form[data-draft]");
  if (!form || !form.dataset.draft) { return; }
  var key = "spot-draft:" + form.dataset.draft;
  var count = form.querySelector("[data-count]");

  function show() {
    var questions = form.querySelectorAll("fieldset");
    if (questions.length > 2) {
      var done = form.querySelectorAll("fieldset > label > input:checked").length;
      count.textContent = done + " of " + questions.length + " answered";
    }
  }

  function restore(said) {
    Object.keys(said).forEach(function (name) {
      form.querySelectorAll("[name='" + CSS.escape(name) + "']").forEach(function (field) {
        if (field.type === "radio") { field.checked = field.value === said[name]; }
        else if (field.type !== "hidden" && !field.value) { field.value = said[name]; }
      });
    });
  }

  var wrong = document.getElementById("wrong");
  storage(function (kept) {
    var old = JSON.parse(kept.getItem(key) || "null");
    if (old && !wrong && Date.now() - old.at < KEPT) { restore(old.said); }
  });
  form.addEventListener("input", function () {
    show();
    var said = {};
    new FormData(form).forEach(function (value, name) {
      if (OURS.indexOf(name) < 0 && value) { said[name] = value; }
    });
    storage(function (kept) { kept.setItem(key, JSON.stringify({ at: Date.now(), said: said })); });
  });
  form.addEventListener("submit", function () {
    storage(function (kept) { kept.setItem(SENT, key); });
  });
  show();
  if (wrong) { wrong.focus(); }
})();
