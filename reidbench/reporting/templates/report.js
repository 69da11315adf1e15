"use strict";
(() => {
  const sortKey = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort !== undefined ? Number(cell.dataset.sort) : (cell.dataset.text || cell.textContent.trim());
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  for (const table of document.querySelectorAll("table.leaderboard")) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    const original = [...body.rows];
    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const numbers = original.some((row) => row.cells[column].dataset.sort !== undefined);
      // The first click sorts numbers from high to low, except the rank, whose best value is 1.
      const first = numbers && column > 0 ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const direction = now === null ? first : now === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction);
      const lacking = (row) => numbers && row.cells[column].dataset.sort === undefined;
      const sorted = [...original].sort((a, b) => {
        if (lacking(a) !== lacking(b)) return lacking(a) ? 1 : -1;
        const order = compare(sortKey(a, column), sortKey(b, column));
        return direction === "ascending" ? order : -order;
      });
      sorted.forEach((row) => body.append(row));
    }));
  }

  for (const board of document.querySelectorAll("section.board")) {
    const input = board.querySelector(".filter");
    const count = board.querySelector(".count");
    const rows = [...board.querySelectorAll("table.leaderboard tbody tr")];
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        const fits = words.every((word) => text.includes(word));
        shown += fits;
        for (const part of board.querySelectorAll("[data-row='" + row.dataset.row + "']")) {
          if (part instanceof SVGElement) part.style.display = fits ? "" : "none"; else part.hidden = !fits;
        }
      }
      count.textContent = shown + " of " + rows.length + " rows";
    });
  }

  const openTarget = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", openTarget);
  openTarget();
  addEventListener("beforeprint", () => {
    for (const panel of document.querySelectorAll("details")) panel.open = true;
  });
})();
