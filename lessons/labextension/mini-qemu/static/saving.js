// SPDX-License-Identifier: GPL-2.0-or-later
// What a learner saves can be read again tomorrow: in JupyterLab 4, Notebook 7 and JupyterLite.
//
// Jupyter stores a widget as a reference to a model in the kernel. When the kernel is gone, the cell says "Error
// displaying widget: model not found". Everything the course displays has a form at rest in the same output, so this
// extension takes the reference out of what is written, not out of what is shown. It also keeps one copy of the player.
// lessons/commands/saving.py has the same rule for a server whose environment is not the kernel's; a test compares.
//
// A prebuilt extension is a container of webpack's module federation: an object with `init` and `get`. It is written by
// hand here, because so little needs no bundler. Nothing of JupyterLab is imported.

(() => {
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const PLAYER = '<div class="mini-qemu-at-rest"';
  const MODULE = /\n\/\* the player, once a notebook \*\/[\s\S]*?(?=<\/script>)/g;

  const textOf = (lines) => (Array.isArray(lines) ? lines.join("") : lines);

  // One output as it is stored. A view without a form at rest is somebody else's widget: it stays.
  function atRest(output) {
    if (output.data?.["text/html"] === undefined || output.data[VIEW] === undefined) return output;
    const data = { ...output.data };
    delete data[VIEW];
    return { ...output, data };
  }

  // The module of the player stays with the first output that has a player; the others find it on the page.
  function oneModule(cells) {
    const htmls = cells.flatMap((cell) => cell.outputs ?? []).map((output) => textOf(output.data?.["text/html"] ?? ""));
    const module = htmls.flatMap((html) => html.match(MODULE) ?? []).at(-1);
    let carried = module === undefined;
    const keep = (output) => {
      const html = textOf(output.data?.["text/html"] ?? "");
      if (module === undefined || !html.includes(PLAYER)) return output;
      let bare = html.replace(MODULE, "");
      if (!carried) {
        const end = bare.indexOf("</script>", bare.indexOf(PLAYER));
        bare = bare.slice(0, end) + module + bare.slice(end);
        carried = true;
      }
      return { ...output, data: { ...output.data, "text/html": bare } };
    };
    return cells.map((cell) => (cell.outputs ? { ...cell, outputs: cell.outputs.map(keep) } : cell));
  }

  function stored(notebook) {
    const cells = notebook.cells.map((cell) => (cell.outputs ? { ...cell, outputs: cell.outputs.map(atRest) } : cell));
    return { ...notebook, cells: oneModule(cells) };
  }

  const plugin = {
    id: "mini-qemu:saving",
    description: "Stores what the course displays so that it can be read again without a kernel.",
    autoStart: true,
    activate(app) {
      const contents = app.serviceManager.contents;
      const save = contents.save.bind(contents);
      contents.save = (path, model) => {
        const notebook = model?.type === "notebook" && Array.isArray(model.content?.cells);
        return save(path, notebook ? { ...model, content: stored(model.content) } : model);
      };
    },
  };

  const module = { __esModule: true, default: plugin, stored };
  (window._JUPYTERLAB ??= {})["mini-qemu"] = { init() {}, get: async () => () => module };
})();
