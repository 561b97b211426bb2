// Two films side by side that play as one; the second has the sound. Of a picture, two pictures.

class Player {
  constructor(root) {
    this.root = root;
  }

  /** sides: [[title, address, isFilm], ...], the last one leads. */
  show(sides) {
    const films = [];
    const figures = sides.map(([title, address, isFilm]) => {
      const media = isFilm
        ? make("video", { src: address, playsinline: true, preload: "auto", "aria-label": title })
        : make("img", { src: address, alt: title });
      if (isFilm) films.push(media);
      return make("figure", {}, media, make("figcaption", {}, title));
    });
    this.root.className = "sl-player";
    this.root.replaceChildren(make("div", { class: "sl-sides" }, ...figures));
    if (films.length) this.root.append(this.controls(films));
  }

  clear() {
    this.root.replaceChildren();
    this.root.className = "";
  }

  controls(films) {
    const leader = films[films.length - 1];
    const others = films.slice(0, -1);
    for (const film of others) film.muted = true;
    const play = make("button", { type: "button", class: "sl-play", "aria-label": "Play" });
    const range = make("input", { type: "range", min: 0, max: 0, step: 0.01, value: 0, "aria-label": "Time" });
    const time = make("output", {}, "0:00.0");
    const mute = make("button", { type: "button", class: "sl-plain", "aria-pressed": "false" }, "Mute");
    const icon = (playing) => {
      play.dataset.playing = playing;
      play.setAttribute("aria-label", playing ? "Pause" : "Play");
    };
    const together = () => {
      for (const film of others) {
        if (Math.abs(film.currentTime - leader.currentTime) > 0.08) film.currentTime = leader.currentTime;
      }
    };
    const tick = () => {
      if (!leader.isConnected) return;
      range.value = leader.currentTime;
      time.textContent = `${clock(leader.currentTime)} / ${clock(leader.duration || 0)}`;
      if (!leader.paused) requestAnimationFrame(tick);
    };
    leader.addEventListener("loadedmetadata", () => {
      range.max = leader.duration;
      tick();
    });
    leader.addEventListener("play", () => {
      icon(true);
      together();
      for (const film of others) film.play().catch(() => {});
      tick();
    });
    for (const name of ["pause", "ended"]) {
      leader.addEventListener(name, () => {
        icon(false);
        for (const film of others) film.pause();
        together();
        tick();
      });
    }
    leader.addEventListener("seeked", tick);
    leader.addEventListener("timeupdate", together);
    play.addEventListener("click", () => (leader.paused ? leader.play() : leader.pause()));
    for (const film of films) film.addEventListener("click", () => play.click());
    range.addEventListener("input", () => {
      leader.currentTime = Number(range.value);
      together();
    });
    mute.addEventListener("click", () => {
      leader.muted = !leader.muted;
      mute.setAttribute("aria-pressed", leader.muted);
    });
    icon(false);
    return make("div", { class: "sl-controls" }, play, range, time, mute);
  }
}
