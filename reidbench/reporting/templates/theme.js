"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const themes = [["", "◐ system", "as the system"], ["light", "☀ light", "light"], ["dark", "☾ dark", "dark"]];
  let theme = 0;
  button.addEventListener("click", () => {
    theme = (theme + 1) % themes.length;
    const [value, text, spoken] = themes[theme];
    if (value) root.dataset.theme = value; else delete root.dataset.theme;
    button.textContent = text;
    button.setAttribute("aria-label", "Theme: " + spoken);
  });
})();
