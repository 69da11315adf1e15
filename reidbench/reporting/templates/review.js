"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const photographs = [...document.querySelectorAll(".photograph")];
  const store = document.body.dataset.store;
  const enrolled = new Set([...byId("enrolled").options].map((option) => option.value));
  const decisions = new Map();
  let current = 0;

  const say = (text) => { byId("said").textContent = text; };
  const describe = (made) => made ? made.decision + (made.identity ? " " + made.identity : "") : "undecided";
  const remember = () => {
    try {
      localStorage.setItem(store, JSON.stringify([...decisions]));
    } catch {
      say("This browser can't keep decisions: download them before you close the page.");
    }
  };
  const recall = () => {
    let kept = [];
    try { kept = JSON.parse(localStorage.getItem(store) || "[]"); } catch { return; }
    const ids = new Set(photographs.map((each) => each.dataset.imageId));
    for (const [id, made] of Array.isArray(kept) ? kept : []) if (ids.has(id) && made) decisions.set(id, made);
  };

  const listed = () => {
    const wanted = byId("show").value;
    return photographs.filter((each, index) => index === current && wanted === "undecided" ? true
      : !wanted || (wanted === "undecided" ? !decisions.has(each.dataset.imageId) : each.dataset.band === wanted));
  };
  const paint = (each) => {
    const made = decisions.get(each.dataset.imageId);
    for (const radio of each.querySelectorAll("input[type=radio]")) {
      radio.checked = Boolean(made) && radio.value === made.decision
        && (made.decision !== "accept" || radio.dataset.identity === made.identity);
    }
    if (made && made.decision === "new") each.querySelector(".name").value = made.identity;
    const other = each.querySelector(".other");
    const candidates = [...each.querySelectorAll("input[data-identity]")].map((radio) => radio.dataset.identity);
    other.value = made && made.decision === "accept" && !candidates.includes(made.identity) ? made.identity : "";
  };
  const show = () => {
    const shown = listed();
    photographs.forEach((each, index) => { each.hidden = index !== current || !shown.includes(each); });
    byId("nothing").hidden = shown.includes(photographs[current]);
    byId("place").textContent = shown.length
      ? (shown.indexOf(photographs[current]) + 1) + " of " + shown.length : "0 of 0";
    byId("decided").textContent = decisions.size + " of " + photographs.length + " decided";
    byId("progress").value = decisions.size;
  };
  const go = (index, focus = true) => {
    if (index < 0 || index >= photographs.length) { say("There is no further photograph."); return; }
    current = index;
    const each = photographs[index];
    show();
    if (focus) each.focus({ preventScroll: true });
    say("Photograph " + byId("place").textContent + ": " + each.dataset.imageId + ", " + each.dataset.band + ", "
      + describe(decisions.get(each.dataset.imageId)));
  };
  const step = (by) => {
    const shown = new Set(listed());
    let index = current + by;
    while (index >= 0 && index < photographs.length && !shown.has(photographs[index])) index += by;
    go(index);
  };
  const toUndecided = () => {
    const order = photographs.map((_, index) => (current + 1 + index) % photographs.length);
    const found = order.find((index) => !decisions.has(photographs[index].dataset.imageId));
    if (found === undefined) say("Every photograph has a decision."); else { byId("show").value = ""; go(found); }
  };

  const problem = (each, text) => {
    const line = each.querySelector(".problem");
    line.textContent = text;
    line.hidden = !text;
  };
  const decide = (each, made) => {
    if (made && made.decision === "new") {
      const bad = !made.identity ? "A new animal needs a name."
        : enrolled.has(made.identity) ? "“" + made.identity + "” is enrolled already. Give the new animal another name."
        : made.identity === "new_individual" ? "“new_individual” can't be the name of an animal." : "";
      problem(each, bad);
      if (bad) { paint(each); return false; }
    } else problem(each, "");
    if (made) decisions.set(each.dataset.imageId, made); else decisions.delete(each.dataset.imageId);
    paint(each);
    remember();
    show();
    say(each.dataset.imageId + ": " + describe(made));
    return true;
  };
  const asNew = (each) => ({ decision: "new", identity: each.querySelector(".name").value.trim() });

  photographs.forEach((each) => {
    each.addEventListener("change", (event) => {
      const field = event.target;
      if (field.type === "radio") {
        decide(each, field.value === "new" ? asNew(each)
          : { decision: field.value, identity: field.value === "accept" ? field.dataset.identity : "" });
      } else if (field.classList.contains("name")) {
        decide(each, asNew(each));
      } else if (field.classList.contains("other")) {
        const name = field.value.trim();
        if (!name) return;
        if (enrolled.has(name)) decide(each, { decision: "accept", identity: name });
        else problem(each, "“" + name + "” is not enrolled. Choose “new animal”, or correct the name.");
      }
    });
    each.querySelector(".undo").addEventListener("click", () => decide(each, null));
  });

  byId("next").addEventListener("click", () => step(1));
  byId("back").addEventListener("click", () => step(-1));
  byId("show").addEventListener("change", () => {
    const first = photographs.findIndex((each) => {
      const wanted = byId("show").value;
      return !wanted || (wanted === "undecided" ? !decisions.has(each.dataset.imageId) : each.dataset.band === wanted);
    });
    if (first < 0) { show(); say("There is no photograph to show."); } else go(first, false);
  });
  byId("certain").addEventListener("click", () => {
    let count = 0;
    for (const each of photographs) {
      const best = each.querySelector("input[data-identity]");
      if (each.dataset.band !== "certain" || decisions.has(each.dataset.imageId) || !best) continue;
      decisions.set(each.dataset.imageId, { decision: "accept", identity: best.dataset.identity });
      paint(each);
      count += 1;
    }
    remember();
    show();
    say(count + " certain photographs accepted");
  });

  const quoted = (text) => /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  // A spreadsheet computes cells that begin with these characters; an apostrophe marks them as text.
  const asText = (cell) => (/^[=+\-@\t\r]/.test(cell) ? "'" + cell : cell);
  const asCsv = () => {
    const rows = photographs.filter((each) => decisions.has(each.dataset.imageId)).map((each) => {
      const made = decisions.get(each.dataset.imageId);
      return [each.dataset.imageId, made.decision, made.identity, each.dataset.sha256, each.dataset.group,
        document.body.dataset.run];
    });
    return [["image_id", "decision", "identity", "sha256", "group", "run"], ...rows]
      .map((row) => row.map((cell) => quoted(asText(cell))).join(",")).join("\n") + "\n";
  };
  byId("download").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" }));
    link.download = "decisions.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    say(decisions.size + " decisions saved as decisions.csv");
  });

  const keys = {
    a: (each) => accept(each, 0), n: (each) => decide(each, asNew(each)) && step(1),
    r: (each) => decide(each, { decision: "reject", identity: "" }) && step(1),
    u: (each) => decide(each, null), j: () => step(1), k: () => step(-1), d: toUndecided,
    ArrowRight: () => step(1), ArrowLeft: () => step(-1),
  };
  const accept = (each, rank) => {
    const radio = each.querySelectorAll("input[data-identity]")[rank];
    if (radio && decide(each, { decision: "accept", identity: radio.dataset.identity })) step(1);
  };
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (!byId("keys").checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (field.matches("input[type=text], select, textarea")) return;
    if (field.matches("input[type=radio]") && event.key.startsWith("Arrow")) return;
    const each = photographs[current];
    if (!each || each.hidden) { if (!/^(j|k|d|Arrow)/i.test(event.key)) return; }
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^[1-5]$/.test(name)) accept(each, Number(name) - 1);
    else if (keys[name]) keys[name](each);
    else return;
    event.preventDefault();
  });

  recall();
  photographs.forEach(paint);
  const open = photographs.findIndex((each) => !decisions.has(each.dataset.imageId));
  go(Math.max(open, 0), false);
})();
