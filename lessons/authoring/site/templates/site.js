// SPDX-License-Identifier: GPL-2.0-or-later
// "Start over": JupyterLite keeps a learner's files in an IndexedDB of this site, one entry a file, in the store
// "files". Where an entry is deleted, the next visit begins with the course's own file.

const STORES = ["files", "checkpoints", "counters"];

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

// Only this site's own: several may share one host.
async function ours() {
  const base = new URL("lite/", location.href).pathname;
  const all = await indexedDB.databases?.() ?? [];
  return all.map((one) => one.name).filter((name) => name.startsWith("JupyterLite Storage") && name.endsWith(base));
}

// Forget one file in a database, or everything where no name is given. How many notebooks that were.
async function forgetIn(database, file) {
  const stores = STORES.filter((store) => database.objectStoreNames.contains(store));
  if (!stores.length) return 0;
  let count = 0;
  const change = database.transaction(stores, "readwrite");
  for (const store of stores.map((one) => change.objectStore(one))) {
    const gone = (await done(store.getAllKeys())).filter((key) => !file || key === file);
    if (store.name === "files") count = gone.filter((key) => key.endsWith(".ipynb")).length;
    gone.forEach((key) => store.delete(key));
  }
  await new Promise((resolve) => { change.oncomplete = resolve; });
  return count;
}

async function forget(file) {
  let count = 0;
  for (const name of await ours()) {
    const database = await done(indexedDB.open(name));
    count += await forgetIn(database, file);
    database.close();
  }
  return count;
}

const say = (text) => { document.getElementById("said").textContent = text; };

for (const button of document.querySelectorAll("[data-forget]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const file = button.dataset.forget;
    const what = file ? `your copy of ${file}` : "all your notebooks and your progress";
    if (!confirm(`Delete ${what} from this browser? This cannot be undone.`)) return;
    try {
      const count = await forget(file);
      const open = "Close the tabs in which a lesson is open, and start it again.";
      say(count || !file ? `Done: the next start brings a fresh copy. ${open}` : "It was still as the course made it.");
    } catch (error) {
      say(`This did not work (${error.message}). Delete this site's data in your browser's settings instead.`);
    }
  });
}
