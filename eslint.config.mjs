// The browser's half of the course: plain ES modules without a build step. `make lint` runs this where npm is there.
const browser = [
  ...["document", "window", "navigator", "matchMedia", "performance", "requestAnimationFrame", "ResizeObserver"],
  ...["setTimeout", "clearTimeout", "indexedDB", "location", "confirm", "URL", "MutationObserver"],
];

export default [
  {
    files: ["lessons/player/*.js", "lessons/labextension/**/*.js", "lessons/authoring/site/templates/*.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: Object.fromEntries(browser.map((name) => [name, "readonly"])),
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "constructor-super": "error",
      "consistent-return": "error",
      "eqeqeq": "error",
      "max-depth": ["error", 3],
      "max-len": ["error", { code: 120, ignoreUrls: true }],
      "max-lines-per-function": ["error", { max: 90, skipBlankLines: true, skipComments: true }],
      "no-cond-assign": "error",
      "no-const-assign": "error",
      "no-dupe-args": "error",
      "no-dupe-keys": "error",
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-new-func": "error",
      "no-redeclare": "error",
      "no-restricted-syntax": ["error", "ImportDeclaration", "ImportExpression"],
      "no-self-assign": "error",
      "no-shadow": "error",
      "no-undef": "error",
      "no-unreachable": "error",
      "no-unused-expressions": "error",
      "no-unused-vars": "error",
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-var": "error",
      "prefer-const": "error",
      "use-isnan": "error",
      "valid-typeof": "error",
    },
  },
];
