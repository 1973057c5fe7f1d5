// The theme that is chosen in MLflow holds here too; without a choice, the reader's own.
(function () {
  "use strict";
  try {
    var chosen = window.localStorage.getItem("_mlflow_dark_mode_toggle_enabled");
    if (chosen === "true" || chosen === "false") {
      document.documentElement.dataset.theme = chosen === "true" ? "dark" : "light";
    }
  } catch (refused) {
    // Storage may be switched off; then the style sheet asks the system.
  }
})();
