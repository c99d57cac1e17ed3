"use strict";
(() => {
  const view = document.getElementById("view");
  const bar = document.getElementById("bar");
  const tip = document.getElementById("tip");
  const svg = view.querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);

  // The items of the picture. What hovering says moves from the browser's tooltips to ours.
  const take = (title) => {
    if (!title) return "";
    title.remove();
    return title.textContent;
  };
  const items = new Map();
  for (const element of svg.querySelectorAll(":scope > g")) {
    const { name, thread, pair, place, address } = element.dataset;
    const title = take(element.querySelector(":scope > title"));
    items.set(element, { element, kind: element.classList[0], title, name, thread, pair, place, address });
  }
  svg.setAttribute("aria-label", take(svg.querySelector(":scope > title")));
  const all = [...items.values()];
  const frames = all.filter((item) => item.kind === "frame");

  // Where an item is; of a frame, the rectangle without a title that is wider.
  const measured = ({ element, place }) => {
    if (place === undefined) return element.getBBox();
    const [x, y, width, height] = place.split(" ").map(Number);
    return { x, y, width, height };
  };
  const box = (item) => (item.box ??= measured(item));
  for (const frame of frames) {
    const { x, y, width, height } = box(frame);
    const target = document.createElementNS(svg.namespaceURI, "path");
    target.setAttribute("class", "target");
    target.setAttribute("d", `M${x} ${y}h${width}v${height}h${-width}z`);
    frame.element.prepend(target);
  }

  // Where we look: the centre in the picture and how many pixels a point takes.
  const eye = { x: 0, y: 0, scale: 1 };
  const show = () => {
    const w = view.clientWidth / eye.scale;
    const h = view.clientHeight / eye.scale;
    svg.setAttribute("viewBox", `${eye.x - w / 2} ${eye.y - h / 2} ${w} ${h}`);
  };
  const fitting = () => Math.min(2, view.clientWidth / width, view.clientHeight / height) || 1;
  const fit = () => {
    Object.assign(eye, { x: width / 2, y: height / 2, scale: fitting() });
    show();
  };
  const zoom = (factor, right = 0, down = 0) => {
    const before = eye.scale;
    eye.scale = Math.min(Math.max(before * factor, fitting() / 4), 40);
    eye.x += right / before - right / eye.scale;
    eye.y += down / before - down / eye.scale;
    show();
  };
  const move = (right, down) => {
    eye.x -= right / eye.scale;
    eye.y -= down / eye.scale;
    show();
  };

  // The item under a pointer; thin wires are found from nearby.
  const at = (x, y) => items.get(document.elementFromPoint(x, y)?.closest("#view svg > g"));
  const near = (x, y) => {
    const here = at(x, y);
    if (here && here.kind !== "frame") return here;
    for (const far of [1, 2, 3, 4]) {
      for (const [right, down] of [[0, far], [0, -far], [far, 0], [-far, 0]]) {
        const found = at(x + right, y + down);
        if (found?.kind === "wire") return found;
      }
    }
    return here;
  };

  // A click follows the strand of a wire, one more all of its name, and the next none.
  let followed = null;
  const follow = (item) => {
    const before = followed;
    if (item === undefined) followed = null;
    else if (before === null || !item.element.classList.contains("on")) followed = "thread";
    else followed = before === "thread" && item.name !== undefined ? "name" : null;
    for (const other of all) {
      const same = followed !== null && other.kind === "wire" && other[followed] === item[followed];
      other.element.classList.toggle("on", same);
    }
    svg.classList.toggle("following", followed !== null);
  };

  const within = (item, frame) => {
    const inner = box(item);
    const outer = box(frame);
    if (item.kind === "wire" || item.kind === "dash" || item.kind === "frame") {
      const right = outer.x + outer.width + 0.5 - inner.x - inner.width;
      const below = outer.y + outer.height + 0.5 - inner.y - inner.height;
      return inner.x >= outer.x - 0.5 && inner.y >= outer.y - 0.5 && right >= 0 && below >= 0;
    }
    const x = inner.x + inner.width / 2 - outer.x;
    const y = inner.y + inner.height / 2 - outer.y;
    return x >= 0 && y >= 0 && x <= outer.width && y <= outer.height;
  };
  const fold = (changed, folded) => {
    for (const item of all) box(item);
    for (const frame of changed) {
      frame.folded = folded;
      frame.element.classList.toggle("folded", folded);
      frame.element.querySelector(".folded-title")?.remove();
      if (!folded) continue;
      const text = [...frame.element.querySelectorAll("text")].map((t) => t.textContent).join(" ") || frame.title;
      const { x, y, width, height } = box(frame);
      const title = document.createElementNS(svg.namespaceURI, "text");
      const size = Math.min(16, (1.5 * width) / Math.max(text.length, 1), height / 2);
      title.setAttribute("class", "folded-title f-ink m b");
      title.setAttribute("font-size", size);
      title.setAttribute("x", x + width / 2);
      title.setAttribute("y", y + height / 2 + size / 3);
      title.textContent = text;
      frame.element.append(title);
    }
    const closed = frames.filter((frame) => frame.folded);
    for (const item of all) {
      item.element.classList.toggle("hidden", closed.some((frame) => item !== frame && within(item, frame)));
    }
    bar.querySelector("[data-do=fold]").setAttribute("aria-pressed", closed.length > 0);
  };

  // The frames of one part, which has one in each line that it is in.
  const same = (item) => frames.filter((frame) => frame.address === item.address && frame.title === item.title);

  const hover = (x, y) => {
    const item = near(x, y);
    for (const other of all) {
      if (other.pair !== undefined) other.element.classList.toggle("pair", item !== undefined && item.pair === other.pair);
    }
    tip.hidden = !item?.title;
    if (tip.hidden) return;
    tip.textContent = item.title;
    tip.style.left = `${Math.max(0, Math.min(x + 12, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(0, y + 16 + tip.offsetHeight < innerHeight ? y + 16 : y - tip.offsetHeight - 12)}px`;
  };

  let drag = null;
  view.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    drag = { x: event.clientX, y: event.clientY, far: 0 };
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", (event) => {
    if (!drag) return hover(event.clientX, event.clientY);
    const right = event.clientX - drag.x;
    const down = event.clientY - drag.y;
    drag = { x: event.clientX, y: event.clientY, far: drag.far + Math.hypot(right, down) };
    if (drag.far < 4) return;
    view.classList.add("dragged");
    tip.hidden = true;
    move(right, down);
  });
  view.addEventListener("pointerup", (event) => {
    const clicked = drag && drag.far < 4;
    drag = null;
    view.classList.remove("dragged");
    if (!clicked) return;
    const item = near(event.clientX, event.clientY);
    if (item?.kind === "frame") fold(same(item), !item.folded);
    else follow(item?.kind === "wire" ? item : undefined);
  });
  view.addEventListener("pointercancel", () => {
    drag = null;
    view.classList.remove("dragged");
  });
  view.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  view.addEventListener("wheel", (event) => {
    event.preventDefault();
    const edge = view.getBoundingClientRect();
    const lines = event.deltaMode === 0 ? event.deltaY / 30 : event.deltaY;
    const right = event.clientX - edge.left - edge.width / 2;
    zoom(0.9 ** Math.max(-3, Math.min(3, lines)), right, event.clientY - edge.top - edge.height / 2);
  }, { passive: false });

  const actions = {
    in: () => zoom(1.25),
    out: () => zoom(0.8),
    fit,
    fold: () => {
      const open = !frames.some((frame) => frame.folded);
      fold(frames, open);
    },
  };
  bar.addEventListener("click", (event) => actions[event.target.dataset.do]?.());
  const keys = {
    "+": actions.in, "=": actions.in, "-": actions.out, 0: fit, Escape: () => follow(),
    ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  addEventListener("resize", show);
  addEventListener("beforeprint", () => svg.setAttribute("viewBox", `0 0 ${width} ${height}`));
  addEventListener("afterprint", show);
  bar.hidden = false;
  bar.querySelector("[data-do=fold]").hidden = frames.length === 0;
  fit();
})();
