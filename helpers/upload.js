// A button that sends one file to Python in parts; see upload.py.

let files = 0; // chosen so far

async function send(model, file) {
  const id = ++files;
  model.send({ begin: { id, name: file.name, type: file.type, size: file.size, last_modified: file.lastModified } });
  if (file.size > model.get("limit")) return; // Python says so
  const length = model.get("part");
  try {
    for (let start = 0; start < file.size; start += length) {
      const part = await file.slice(start, start + length).arrayBuffer();
      model.send({ part: id }, undefined, [part]);
    }
  } catch (error) {
    model.send({ failed: String(error.message || error) });
  }
}

function render({ model, el }) {
  const button = document.createElement("button");
  const input = document.createElement("input");
  button.className = "jupyter-button widget-button lm-Widget";
  input.type = "file";
  input.hidden = true;
  const update = () => {
    button.textContent = model.get("description");
    button.disabled = model.get("disabled");
    input.accept = model.get("accept");
  };
  for (const name of ["description", "disabled", "accept"]) model.on(`change:${name}`, update);
  update();
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length && !model.get("disabled")) send(model, input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  el.append(button, input);
}

export default { render };
