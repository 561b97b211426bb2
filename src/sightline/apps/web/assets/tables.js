// The tables that a run gave: one at a time, a row leads to its frame.

class Tables {
  constructor(root, goTo) {
    this.root = root;
    this.goTo = goTo;
  }

  show(names) {
    this.root.hidden = !names.length;
    this.root.replaceChildren();
    if (!names.length) return;
    this.place = make("div", { class: "sl-scroll", tabindex: 0, role: "region", "aria-label": "Table" });
    this.tabs = names.map((name) =>
      make("button", { type: "button", "aria-pressed": "false", onclick: () => this.open(name) }, Tables.WORDS[name]),
    );
    this.names = names;
    this.root.append(make("div", { class: "sl-tools" }, ...this.tabs), this.place);
    return this.open(names[0]);
  }

  async open(name) {
    this.tabs.forEach((tab, place) => tab.setAttribute("aria-pressed", this.names[place] === name));
    const { rows, count } = await call("table", { name });
    if (!rows.length) return this.place.replaceChildren(make("p", { class: "sl-soft" }, "No rows."));
    const columns = Object.keys(rows[0]);
    const head = make("tr", {}, ...columns.map((column) => make("th", { scope: "col" }, column)));
    const body = rows.map((row) => {
      const cells = columns.map((column) => make("td", {}, row[column]));
      cells[0].replaceChildren(
        make("button", { type: "button", class: "sl-plain", onclick: () => this.goTo(Number(row.frame)) }, row.frame),
      );
      return make("tr", { "data-frame": row.frame }, ...cells);
    });
    this.place.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
    if (count > rows.length) {
      this.place.append(make("p", { class: "sl-soft" }, `The first ${rows.length} of ${count} rows; the download has all.`));
    }
  }

  /** Marks the rows of a frame. */
  mark(frame) {
    for (const row of this.root.querySelectorAll("tr[data-frame]")) {
      row.classList.toggle("sl-here", Number(row.dataset.frame) === frame);
    }
  }
}

Tables.WORDS = { people: "People", sound: "Sound", objects: "Objects", tracks: "Hotspots of each", hotspots: "Hotspots" };
