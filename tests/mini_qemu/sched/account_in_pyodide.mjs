// Runs tests/mini_qemu/sched/account.py in a browser's Python, under Node: node account_in_pyodide.mjs PYODIDE_FOLDER REPOSITORY
// Prints the same JSON as `python -m tests.mini_qemu.sched.account`, if the engine is as portable as it says.
import { pathToFileURL } from "node:url";

const [folder, repository] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`).href);
const pyodide = await loadPyodide({ indexURL: `${folder}/` });
pyodide.FS.mkdirTree("/repository");
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: repository }, "/repository");
const text = await pyodide.runPythonAsync(`
import sys, json
sys.dont_write_bytecode = True
sys.path.insert(0, "/repository")
from tests.mini_qemu.sched.account import whole_account
json.dumps(whole_account(), indent=1)
`);
console.log(text);
