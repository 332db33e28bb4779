"use strict";
(() => {
  const PER_PAGE = 10;
  const $ = (id) => document.getElementById(id);

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = $("theme");
  const root = document.documentElement;
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  const nameTheme = () => {
    theme.textContent = isDark() ? "Light colours" : "Dark colours";
  };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  dark.addEventListener("change", nameTheme);
  nameTheme();
  theme.hidden = false;

  if (!$("browse")) return;
  const groups = JSON.parse($("examples-data").textContent);
  // An item stands beside its translations: these have the same place in their groups.
  const tasks = [...new Set(groups.map((group) => group.task))];
  const all = groups
    .flatMap((group) => group.rows.map((row, place) => ({ group, row, place })))
    .sort(
      (a, b) =>
        tasks.indexOf(a.group.task) - tasks.indexOf(b.group.task) || a.place - b.place,
    );
  const filters = $("filters");
  let found = all;
  let start = 0;

  // What a filter looks at: the answer word, or the text where it was read as none.
  const answered = (side) => side.answer ?? side.text;
  const folded = (text) => text.normalize("NFKC").toLowerCase();

  const element = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) {
      made.setAttribute(name, value);
    }
    return made;
  };

  const mark = (group, score) => {
    if (group.metric.startsWith("rouge")) {
      return element("span", ` ${group.metric} ${score.toFixed(2)}`, { class: "aside" });
    }
    const right = score > 0;
    return element("span", right ? " ✓ right" : " ✕ wrong", {
      class: right ? "right" : "wrong",
    });
  };

  const told = (group, side) => {
    const place = element("dd", "");
    const own = { dir: "auto" };
    if (group.kind === "generation") {
      own.lang = group.language;
      place.append(element("bdi", side.text || "(nothing)", own));
    } else {
      place.append(element("bdi", side.answer ?? "no answer word", own));
      if (side.answer !== side.text.trim()) {
        const token = side.text.replaceAll("\n", "↵");
        place.append(element("span", ` (next token “${token}”)`, { class: "aside" }));
      }
    }
    place.append(mark(group, side.score));
    return place;
  };

  const item = ({ group, row }) => {
    const place = document.createElement("li");
    place.append(element("h3", `${group.task} · ${group.name} · ${row.id}`));
    const own = { dir: "auto", lang: group.language };
    const list = document.createElement("dl");
    const gold = element("dd", row.gold, group.kind === "generation" ? own : {});
    for (const [term, value] of [
      ["Prompt", element("dd", row.prompt, own)],
      ["Right", gold],
      ["Before", told(group, row.before)],
      ["After", told(group, row.after)],
    ]) {
      list.append(element("dt", term), value);
    }
    place.append(list);
    return place;
  };

  const show = () => {
    const part = found.slice(start, start + PER_PAGE);
    $("items").replaceChildren(...part.map(item));
    $("count").textContent = found.length
      ? `Items ${start + 1} to ${start + part.length} of ${found.length}`
      : "No item fits these filters";
    $("previous").setAttribute("aria-disabled", start === 0);
    $("next").setAttribute("aria-disabled", start + PER_PAGE >= found.length);
  };

  const filter = () => {
    const wanted = new FormData(filters);
    const text = folded(wanted.get("text"));
    found = all.filter(({ group, row }) => {
      const { before, after } = row;
      if (wanted.get("task") && wanted.get("task") !== group.task) return false;
      if (wanted.get("language") && wanted.get("language") !== group.language) return false;
      if (wanted.get("changed") && answered(before) === answered(after)) return false;
      if (wanted.get("wrong") && after.score > 0) return false;
      return (
        !text ||
        [row.id, row.prompt, row.gold, before.text, after.text].some((each) =>
          folded(each).includes(text),
        )
      );
    });
    start = 0;
    show();
  };

  const turn = (button, by) => {
    if (button.getAttribute("aria-disabled") === "true") return;
    start += by;
    show();
    $("filters").scrollIntoView();
  };
  $("previous").addEventListener("click", () => turn($("previous"), -PER_PAGE));
  $("next").addEventListener("click", () => turn($("next"), PER_PAGE));
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  $("without").hidden = true;
  $("browse").hidden = false;
  filter();
})();
