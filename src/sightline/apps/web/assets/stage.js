// One frame: look at any of them, mark in it, by pointer or by keys.

class Stage {
  constructor(root, changed) {
    this.root = root;
    this.changed = changed;
    this.view = root.querySelector(".sl-view");
    this.image = root.querySelector(".sl-view img");
    this.drawing = root.querySelector(".sl-marks");
    this.range = root.querySelector(".sl-scrub input");
    this.output = root.querySelector(".sl-scrub output");
    this.layerBox = root.querySelector(".sl-layers");
    this.objectBox = root.querySelector(".sl-objects");
    this.list = root.querySelector(".sl-list");
    this.colours = ["#00c8ff"];
    this.marks = [];
    this.number = 1;
    this.layers = new Set();
    this.tool = "follow";
    this.wanted = null;
    this.range.addEventListener("input", () => this.show(Number(this.range.value)));
    for (const button of root.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.choose(button.dataset.tool));
    }
    root.querySelector("[data-do=undo]").addEventListener("click", () => this.undo());
    root.querySelector("[data-do=clear]").addEventListener("click", () => this.clear());
    this.listen();
  }

  open(media) {
    this.media = media;
    this.marks = [];
    this.number = 1;
    this.seen = null;
    this.layers.clear();
    this.layerBox.hidden = true;
    this.cross = [media.width / 2, media.height / 2];
    this.corner = this.drag = null;
    this.view.style.aspectRatio = `${media.width} / ${media.height}`;
    this.view.style.setProperty("--ratio", media.width / media.height);
    this.drawing.setAttribute("viewBox", `0 0 ${media.width} ${media.height}`);
    this.image.alt = `A frame of ${media.name}`;
    this.range.parentElement.hidden = media.kind === "image";
    this.reach(media.frames);
    this.range.value = 0;
    this.told();
    return this.show(0);
  }

  reach(frames) {
    this.range.max = Math.max(0, frames - 1);
  }

  choose(tool) {
    this.tool = tool;
    this.corner = null;
    for (const button of this.root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", button.dataset.tool === tool);
    }
    this.view.classList.toggle("sl-boxing", tool === "box");
    this.draw();
  }

  /** Which tools there are: those that the model takes. */
  allow(model) {
    const takes = (kind) => model.takes.includes(kind);
    const heads = takes("heads");
    const able = { follow: takes("point"), not: takes("not_point"), box: takes("box") || heads, head: heads };
    for (const button of this.root.querySelectorAll("[data-tool]")) button.hidden = !able[button.dataset.tool];
    this.able = able;
    this.model = model;
    this.several = takes("objects") || heads;
    this.root.classList.toggle("sl-still", !Object.values(able).some(Boolean));
    if (!able[this.tool]) this.choose(heads ? "head" : "follow");
    this.hand();
    this.label();
  }

  /** The marks that the model takes, of those made for another one before. */
  get meant() {
    const { able } = this;
    return this.marks.filter((mark) => able && (mark.kind === "head" ? able.head : !able.head && able.follow));
  }

  /** Of heads, the next mark is of the first person without one in this frame. */
  hand() {
    if (!this.able?.head) return;
    const here = this.meant.filter((mark) => mark.frame === this.seen?.frame).map((mark) => mark.number);
    this.number = 1;
    while (here.includes(this.number)) this.number += 1;
  }

  /** Offers switches for what a run gave. off: those that are off at first. */
  offer(names, words, off) {
    this.words = words;
    this.layers = new Set(names.filter((name) => !off.includes(name)));
    this.layerBox.replaceChildren(
      ...names.map((name) => {
        const box = make("input", { type: "checkbox", value: name, "aria-describedby": "sl-blank" });
        box.checked = this.layers.has(name);
        box.addEventListener("change", () => {
          if (box.checked) this.layers.add(name);
          else this.layers.delete(name);
          this.show(this.frame);
        });
        return make("label", { class: "sl-switch" }, box, make("i"), words[name]);
      }),
      make("p", { id: "sl-blank", class: "sl-soft" }),
    );
    this.layerBox.hidden = !names.length;
    return this.show(this.frame);
  }

  /** Disables the switches that would change nothing of a frame, and says why. blank: the reasons by layer. */
  blank(blank) {
    const boxes = [...this.layerBox.querySelectorAll("input")];
    for (const box of boxes) {
      box.disabled = box.value in blank;
      box.parentElement.title = blank[box.value] ?? "";
    }
    const told = boxes.filter((box) => box.disabled).map((box) => `${this.words[box.value]}: ${blank[box.value]}.`);
    const place = this.layerBox.querySelector("p");
    if (place) place.textContent = told.join(" ");
  }

  /** Shows a frame; of many that are asked for at once, the last. */
  async show(frame) {
    this.frame = frame;
    this.range.value = frame;
    if (this.wanted !== null) {
      this.wanted = frame;
      this.again = true;
      return;
    }
    this.wanted = frame;
    try {
      for (let asked = null; asked !== this.wanted || this.again; ) {
        this.again = false; // the layers may have changed meanwhile
        asked = this.wanted;
        const seen = await call("look", { frame: asked, layers: [...this.layers] });
        this.image.src = seen.picture;
        this.output.textContent = `${clock(seen.time_s)}`;
        this.range.setAttribute("aria-valuetext", `frame ${seen.frame}, ${seen.time_s.toFixed(2)} seconds`);
        const moved = this.seen?.frame !== seen.frame;
        this.seen = seen;
        this.blank(seen.blank);
        if (moved && this.able?.head) {
          this.hand();
          this.label();
        }
        this.draw();
        this.onseen?.(seen);
      }
    } finally {
      this.wanted = null;
    }
  }

  listen() {
    const at = (event) => {
      const box = this.view.getBoundingClientRect();
      return [
        Math.min(this.media.width - 1, Math.max(0, ((event.clientX - box.left) / box.width) * this.media.width)),
        Math.min(this.media.height - 1, Math.max(0, ((event.clientY - box.top) / box.height) * this.media.height)),
      ];
    };
    this.view.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.view.setPointerCapture(event.pointerId);
      this.drag = { from: at(event), to: at(event), x: event.clientX, y: event.clientY, is: false };
    });
    this.view.addEventListener("pointermove", (event) => {
      if (!this.drag) return;
      this.drag.to = at(event);
      this.drag.is ||= Math.hypot(event.clientX - this.drag.x, event.clientY - this.drag.y) > 6;
      this.draw();
    });
    this.view.addEventListener("pointerup", () => {
      const drag = this.drag;
      this.drag = null;
      if (!drag) return;
      this.cross = drag.to;
      if (drag.is && this.able.box) this.add({ kind: "box", x1: drag.from[0], y1: drag.from[1], x2: drag.to[0], y2: drag.to[1] });
      else this.put(drag.to);
    });
    this.view.addEventListener("pointercancel", () => {
      this.drag = null;
      this.draw();
    });
    this.view.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) this.view.addEventListener(name, () => this.draw());
  }

  key(event) {
    const step = Math.max(1, Math.round(this.media.width / (event.shiftKey ? 20 : 100)));
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) {
      const [x, y] = this.cross;
      this.cross = [
        Math.min(this.media.width - 1, Math.max(0, x + moves[event.key][0])),
        Math.min(this.media.height - 1, Math.max(0, y + moves[event.key][1])),
      ];
      this.draw();
    } else if (event.key === "Enter" || event.key === " ") this.put(this.cross);
    else if (event.key === "Backspace" || event.key === "Delete") this.undo();
    else if (event.key === "Escape") {
      this.corner = null;
      this.draw();
    } else return;
    event.preventDefault();
  }

  /** A point with the tool in hand; of a box, a corner. */
  put([x, y]) {
    if (this.tool === "not" && !this.marks.some((mark) => mark.number === this.number && mark.kind !== "not")) {
      this.onrefused?.("First mark what to follow; then say what does not belong to it.");
      return;
    }
    if (this.tool === "head") return this.find([x, y]);
    if (this.tool !== "box") return this.add({ kind: this.tool === "not" ? "not" : "point", x, y });
    if (!this.corner) {
      this.corner = [x, y];
      return this.draw();
    }
    const [x1, y1] = this.corner;
    this.corner = null;
    this.add({ kind: "box", x1, y1, x2: x, y2: y });
  }

  /** Marks the head that the model finds where the visitor points. */
  async find([x, y]) {
    if (!this.seen || this.finding) return;
    this.finding = true;
    this.view.classList.add("sl-busy");
    this.onrefused?.("Looking for a face there\u2026");
    const { frame } = this.seen;
    try {
      const { box } = await call("head", { model: this.model.name, frame, x, y });
      if (frame !== this.seen.frame) return;
      if (!box) return this.onrefused?.("No face was found there; drag a box around it.");
      const [x1, y1, x2, y2] = box;
      this.add({ kind: "box", x1, y1, x2, y2 });
    } catch (error) {
      this.onrefused?.("");
      this.onfailed?.(error);
    } finally {
      this.finding = false;
      this.view.classList.remove("sl-busy");
    }
  }

  /** Adds a mark to the object in hand. A box takes the place of the object's box in the same frame. */
  add(mark) {
    const { able } = this;
    if (!this.seen || !(mark.kind === "box" ? able.box : able.follow)) return;
    const kind = able.head ? "head" : mark.kind;
    const made = { ...mark, kind, number: this.number, frame: this.seen.frame, time_s: this.seen.time_s };
    const same = (other) => other.number === made.number && other.frame === made.frame;
    if (!able.not && !this.several) this.marks = [];
    this.marks = this.meant.filter((other) => !(same(other) && other.kind === kind && "x1" in made));
    this.marks.push(made);
    this.hand();
    this.told();
  }

  undo() {
    this.marks.pop();
    this.number = Math.min(this.number, this.next);
    this.hand();
    this.told();
  }

  clear() {
    this.marks = [];
    this.number = 1;
    this.told();
  }

  get noun() {
    return this.able?.head ? "Person" : "Object";
  }

  /** The marks have changed. */
  told() {
    this.label();
    this.changed();
    this.draw();
  }

  /** The number of a further object. */
  get next() {
    return 1 + Math.max(0, ...this.marks.map((mark) => mark.number));
  }

  colour(number) {
    return this.colours[(number - 1) % this.colours.length];
  }

  /** The buttons that choose an object, and the list of all marks. */
  label() {
    const numbers = [...new Set([...this.marks.map((mark) => mark.number), this.number])].sort((a, b) => a - b);
    const dot = (number) => make("i", { class: "sl-dot", style: `background:${this.colour(number)}` });
    const buttons = numbers.map((number) =>
      make(
        "button",
        {
          type: "button",
          "aria-pressed": String(number === this.number),
          "aria-label": `${this.noun} ${number}`,
          onclick: () => this.hold(number),
        },
        dot(number),
        String(number),
      ),
    );
    if (!this.able?.head && this.marks.some((mark) => mark.number === this.number) && this.next <= this.colours.length) {
      buttons.push(make("button", { type: "button", "aria-label": "Another object", onclick: () => this.hold(this.next) }, "+ Another"));
    }
    this.objectBox.hidden = !this.several || !this.marks.length;
    this.objectBox.replaceChildren(make("span", { class: "sl-soft" }, this.noun), ...buttons);
    const words = { point: "follow", not: "not this", box: "box", head: "head" };
    this.list.replaceChildren(
      ...this.marks.map((mark, place) => {
        const text = `${this.several ? `${mark.number} · ` : ""}${words[mark.kind]} · ${clock(mark.time_s)}`;
        const go = () => this.show(mark.frame).then(() => this.draw());
        const drop = () => {
          this.marks.splice(place, 1);
          this.number = Math.min(this.number, this.next);
          this.hand();
          this.told();
          this.view.focus();
        };
        return make(
          "li",
          {},
          dot(mark.number),
          make("button", { type: "button", class: "sl-plain", onclick: go, title: "Go to its frame" }, text),
          make("button", { type: "button", class: "sl-plain", onclick: drop, "aria-label": `Remove ${text}` }, "✕"),
        );
      }),
    );
  }

  hold(number) {
    this.number = number;
    this.label();
    this.objectBox.querySelector("[aria-pressed=true]")?.focus();
  }

  draw() {
    if (!this.media) return;
    const unit = this.media.width / Math.max(200, this.view.clientWidth || 640);
    const here = this.seen?.frame ?? 0;
    const shapes = this.marks.filter((mark) => mark.frame === here && this.meant.includes(mark)).map((mark) => this.shape(mark, unit));
    if (this.drag?.is) {
      const { from, to } = this.drag;
      shapes.push(this.shape({ kind: "box", x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, unit));
    }
    if (document.activeElement === this.view && this.view.matches(":focus-visible")) {
      const [x, y] = this.cross;
      if (this.corner) shapes.push(this.shape({ kind: "box", x1: this.corner[0], y1: this.corner[1], x2: x, y2: y }, unit));
      const arm = 14 * unit;
      const path = `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`;
      shapes.push(`<path class="sl-under" d="${path}" stroke-width="${4 * unit}"/><path class="sl-cross" d="${path}" stroke-width="${1.8 * unit}"/>`);
    } else if (this.corner) {
      shapes.push(this.shape({ kind: "point", x: this.corner[0], y: this.corner[1] }, unit));
    }
    this.drawing.innerHTML = shapes.join("");
    this.root.querySelector("[data-do=undo]").disabled = this.root.querySelector("[data-do=clear]").disabled =
      !this.marks.length;
  }

  shape(mark, unit) {
    const colour = this.colour(mark.number ?? this.number);
    if ("x1" in mark) {
      const x = Math.min(mark.x1, mark.x2);
      const y = Math.min(mark.y1, mark.y2);
      const size = `x="${x}" y="${y}" width="${Math.abs(mark.x2 - mark.x1)}" height="${Math.abs(mark.y2 - mark.y1)}"`;
      return `<rect class="sl-under" ${size} stroke-width="${4.5 * unit}"/><rect ${size} stroke="${colour}" stroke-width="${2.2 * unit}"/>`;
    }
    if (mark.kind === "not") {
      const arm = 6 * unit;
      const path = `M${mark.x - arm} ${mark.y - arm}l${2 * arm} ${2 * arm}m0 ${-2 * arm}l${-2 * arm} ${2 * arm}`;
      return `<path class="sl-under" d="${path}" stroke-width="${6 * unit}"/><path class="sl-no" d="${path}" stroke-width="${3 * unit}"/>`;
    }
    return `<circle class="sl-yes" style="fill:${colour}" cx="${mark.x}" cy="${mark.y}" r="${7 * unit}" stroke-width="${2.5 * unit}"/>`;
  }
}
