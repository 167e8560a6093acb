// Runs pytest in a browser's Python, under Node: node tests_in_pyodide.mjs PYODIDE_FOLDER REPOSITORY SITE_PACKAGES ARGUMENTS...
// pytest and what it needs are pure Python: they come from SITE_PACKAGES, whichever Python that belongs to.
import { pathToFileURL } from "node:url";

const [folder, repository, packages, ...given] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`).href);
const pyodide = await loadPyodide({ indexURL: `${folder}/` });
for (const [place, root] of [["/repository", repository], ["/packages", packages]]) {
    pyodide.FS.mkdirTree(place);
    pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root }, place);
}
pyodide.globals.set("given", pyodide.toPy(given));
process.exitCode = await pyodide.runPythonAsync(`
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, "/repository")
sys.path.append("/packages")
os.chdir("/repository")
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
import pytest
print("Python", sys.version.split()[0])
int(pytest.main(["-p", "no:cacheprovider", "-p", "no:faulthandler", *given]))
`);
