// Keeps the page current without a reload. Without JavaScript the page is
// complete all the same; it only has to be reloaded by hand.
(function () {
  "use strict";
  var main = document.querySelector("[data-live]");
  if (!main || !window.fetch) { return; }
  var last = main.innerHTML;
  function busy() {
    var selection = window.getSelection();
    return document.hidden || (selection && String(selection).length > 0) || main.contains(document.activeElement);
  }
  function refresh() {
    if (busy()) { return; }
    fetch(location.href, { headers: { "X-Live": "1" } }).then(function (answer) {
      return answer.ok ? answer.text() : null;
    }).then(function (text) {
      if (!text) { return; }
      var fresh = new DOMParser().parseFromString(text, "text/html").querySelector("[data-live]");
      if (fresh && fresh.innerHTML !== last && !busy()) {
        last = fresh.innerHTML;
        main.replaceChildren.apply(main, Array.from(fresh.childNodes));
      }
    }).catch(function () { /* The next round tries again. */ });
  }
  setInterval(refresh, 2000);
}());
