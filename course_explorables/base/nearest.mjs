// Handles close to one another: a press goes to the one whose mark is nearest, not to the one drawn last.
export function nearestFirst(chart, handles) {
  chart.addEventListener("pointerdown", (event) => {
    const hit = handles.find((each) => each.contains(event.target));
    if (!hit) return;
    const distance = (each) => {
      const box = each.querySelector(".xp-mark").getBoundingClientRect();
      return Math.hypot(event.clientX - box.x - box.width / 2, event.clientY - box.y - box.height / 2);
    };
    const nearest = handles.reduce((best, each) => (distance(each) < distance(best) ? each : best), hit);
    if (nearest === hit) return;
    event.stopPropagation();
    event.preventDefault();
    nearest.dispatchEvent(new PointerEvent("pointerdown", event));
  }, { capture: true });
}
