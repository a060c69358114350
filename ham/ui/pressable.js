// HTML of the server, whose buttons tell it what was pressed; what has the focus keeps it.

export default function ({ data, parentElement, setTriggerValue }) {
  let place = parentElement.querySelector(".ham-pressable");
  if (!place) {
    place = document.createElement("div");
    place.className = "ham-pressable";
    parentElement.append(place);
  }
  place.onclick = event => {
    const button = event.target.closest("[data-press]");
    if (button) setTriggerValue("pressed", button.dataset.press);
  };
  if (place.drawn === data) return;
  const focused = place.contains(document.activeElement) && document.activeElement.dataset.press;
  place.innerHTML = data;
  place.drawn = data;
  if (focused) [...place.querySelectorAll("[data-press]")]
    .find(button => button.dataset.press === focused)?.focus();
}
