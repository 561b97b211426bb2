// The functions of the server, and files on their way to it.

class Told extends Error {}

const base = new URL("./", document.baseURI);
const addressOf = (path) => new URL(`gradio_api/file=${path.split("/").map(encodeURIComponent).join("/")}`, base).href;
let token = null;

async function call(verb, ask = {}) {
  let answer;
  try {
    answer = await server[verb]({ ...ask, token });
  } catch {
    throw new Told("The server does not answer. Is it still running?");
  }
  if (!answer || answer.error || answer.detail) {
    throw new Told(answer?.error || "The server could not do this. Its log says why.");
  }
  return answer;
}

/** Uploads a file; resolves with its path on the server. `told` gets the share that is sent; `abort` is set on it. */
function send(file, told) {
  const request = new XMLHttpRequest();
  const sent = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && told(event.loaded / event.total);
    request.onload = () => {
      if (request.status === 200) return resolve(JSON.parse(request.responseText)[0]);
      const why = request.status === 413 ? "is larger than this page takes" : "could not be uploaded";
      reject(new Told(`${file.name}: ${why}`));
    };
    request.onerror = () => reject(new Told(`${file.name}: the upload broke off; try again`));
    request.onabort = () => reject(null);
    const form = new FormData();
    form.append("files", file);
    request.open("POST", new URL("gradio_api/upload", base));
    request.send(form);
  });
  return { sent, abort: () => request.abort() };
}

/** An element with attributes and children. */
function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const clock = (seconds) => {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(1).padStart(4, "0")}`;
};
