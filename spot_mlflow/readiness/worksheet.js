"use strict";
(function () {
  var form = document.getElementById("form");
  var store = document.getElementById("spot-answers");
  var settings = JSON.parse(document.getElementById("spot-settings").textContent);
  var base = JSON.parse(store.textContent);
  var questions = Array.prototype.slice.call(form.querySelectorAll("[data-question]"));
  var byId = function (id) { return document.getElementById(id); };

  // A file opened from a mail may be refused a storage of its own; then there is no draft.
  function recall() { try { return JSON.parse(localStorage.getItem(settings.draft)); } catch (e) { return null; } }
  function keep(value) { try { localStorage.setItem(settings.draft, JSON.stringify(value)); } catch (e) { /* none */ } }
  // Saved, the answers are in a file; the next person at this computer must not find them here.
  function forget() { try { localStorage.removeItem(settings.draft); } catch (e) { /* none */ } }

  function collect() {
    var answers = {};
    questions.forEach(function (q) {
      var chosen = q.querySelector("input[type=radio]:checked");
      var answer = {};
      q.querySelectorAll("[data-field]").forEach(function (f) {
        if (f.value.trim()) { answer[f.dataset.field] = f.value; }
      });
      if (chosen) { answer.now = chosen.value; }
      if (Object.keys(answer).length) { answers[q.dataset.question] = answer; }
    });
    var role = byId("role");
    return Object.assign({}, base, {
      person: byId("person").value.trim(),
      role: role ? role.value : base.role,
      answers: answers
    });
  }

  function restore(draft) {
    if (!draft || !draft.answers) { return; }
    byId("person").value = byId("person").value || draft.person || "";
    if (byId("role")) { byId("role").value = draft.role || ""; }
    questions.forEach(function (q) {
      var answer = draft.answers[q.dataset.question] || {};
      q.querySelectorAll("input[type=radio]").forEach(function (r) { if (r.value === answer.now) { r.checked = true; } });
      q.querySelectorAll("[data-field]").forEach(function (f) { if (answer[f.dataset.field]) { f.value = answer[f.dataset.field]; } });
    });
  }

  function update(save) {
    var now = collect();
    var done = questions.filter(function (q) { return q.querySelector("input[type=radio]:checked"); }).length;
    questions.forEach(function (q) {
      var chosen = q.querySelector("input[type=radio]:checked");
      if (chosen) { q.querySelector(".more").classList.remove("later"); }
      var level = chosen ? parseInt(chosen.value, 10) || 0 : 0;
      q.querySelectorAll("select[data-field=target] option").forEach(function (o) {
        o.disabled = o.value !== "" && parseInt(o.value, 10) < level; // a target lies at or above today
        if (o.disabled && o.selected) { o.parentNode.value = ""; }
      });
    });
    byId("progress").textContent = done + " of " + questions.length + " answered";
    // "Save page as" keeps the answers as well.
    store.textContent = JSON.stringify(now).replace(/</g, "\\u003c").replace(/>/g, "\\u003e").replace(/&/g, "\\u0026");
    if (byId("mail")) { byId("mail").href = mailAddress(now); }
    if (save) { keep(now); }
    return now;
  }

  function say(text, wrong) {
    byId("result").textContent = text;
    byId("result").className = wrong ? "wrong" : "";
  }

  function ready() {
    var now = update(true);
    if (!now.person) { say("Please give your name first.", true); byId("person").focus(); return null; }
    if (!now.role) { say("Please choose your role first.", true); byId("role").focus(); return null; }
    var incomplete = questions.filter(function (q) { return now.answers[q.dataset.question] && !now.answers[q.dataset.question].now; })[0];
    if (incomplete) { say("One question has a target or a remark, and no answer yet.", true); incomplete.scrollIntoView(); return null; }
    if (!Object.keys(now.answers).length) { say("Please answer one question at least.", true); return null; }
    return now;
  }

  function fileName(now) {
    var who = now.person.normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").toLowerCase();
    return settings.file + (who ? "-" + who.slice(0, 40) : "") + ".json";
  }

  function text(now) { return JSON.stringify(now, null, 2) + "\n"; }

  byId("save").addEventListener("click", function () {
    var now = ready();
    if (!now) { return; }
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text(now)], { type: "application/json" }));
    link.download = fileName(now);
    document.body.appendChild(link);
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); link.remove(); }, 1000);
    forget();
    say("Saved as " + link.download + ". Please send this file" + (settings.returnTo ? " to " + settings.returnTo : " back to the one who asked") + ".");
  });

  // A link, not a script's jump: every mail program and every phone knows what to do with it.
  function mailAddress(now) {
    var bytes = new TextEncoder().encode(JSON.stringify(now));
    var packed = btoa(Array.prototype.map.call(bytes, function (b) { return String.fromCharCode(b); }).join(""))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    var body = "Here are my answers. A program reads the lines below; please leave them as they are.\r\n\r\n" +
      settings.mailBegin + "\r\n" + packed.replace(/(.{72})/g, "$1\r\n") + "\r\n" + settings.mailEnd + "\r\n";
    return "mailto:" + encodeURIComponent(settings.returnTo).replace(/%40/g, "@") +
      "?subject=" + encodeURIComponent("My answers: " + settings.heading) + "&body=" + encodeURIComponent(body);
  }

  if (byId("mail")) {
    byId("mail").addEventListener("click", function (e) {
      var now = ready();
      if (!now) { e.preventDefault(); return; }
      byId("mail").href = mailAddress(now);
      say("Your mail program opens with your answers in it; please send the mail.");
    });
  }

  function asFile(now) { return new File([text(now)], fileName(now), { type: "application/json" }); }
  try {
    if (navigator.canShare && navigator.canShare({ files: [new File(["{}"], "a.json", { type: "application/json" })] })) {
      byId("share").hidden = false;
      byId("share").addEventListener("click", function () {
        var now = ready();
        if (now) { navigator.share({ files: [asFile(now)], title: settings.heading }).then(forget).catch(function () { /* the person closed it */ }); }
      });
    }
  } catch (e) { /* no sharing here: saving does */ }

  byId("print").addEventListener("click", function () { window.print(); });
  form.addEventListener("submit", function (e) { e.preventDefault(); });
  form.addEventListener("input", function () {
    if (byId("result").className === "wrong") { say(""); } // it is being put right
    update(true);
  });
  if (!Object.keys(base.answers).length) { restore(recall()); }
  update(false);
})();
