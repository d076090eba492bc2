/**
 * Lint rules, and the ladder (docs/ARCHITECTURE.md): a folder of src/ imports only from those below it. Siblings share a
 * rung and do not import each other.
 */
export const LADDER = [
  ['cli'],
  ['lab'],
  ['report', 'suite'],
  ['spec'],
  ['miniport'],
  ['session'],
  ['ddi', 'engine', 'host', 'backend'],
  ['memory'],
  ['pci'],
  ['profile'],
  ['record'],
  ['device'],
  ['native'],
  ['base'],
]

/** Folders that a folder on this rung must not import: all above it, and its siblings. */
function forbidden(folder, rung) {
  return LADDER.slice(0, rung + 1)
    .flat()
    .filter((other) => other !== folder)
}

const ladder = LADDER.flatMap((folders, rung) =>
  folders.map((folder) => ({
    files: [`src/${folder}/**`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [...forbidden(folder, rung).map((other) => `**/${other}/**`), '**/index.ts', '**/testing.ts'],
              message: `${folder} stands below or beside this folder on the ladder (docs/ARCHITECTURE.md).`,
            },
          ],
        },
      ],
    },
  })),
)

export default {
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  options: { typeAware: true },
  rules: {
    'import/no-cycle': 'error',
    'import/no-default-export': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/consistent-type-imports': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'no-console': 'error',
    // Branded addresses and typed views over bytes are made by assertions, in one place each.
    'typescript/no-unsafe-type-assertion': 'off',
    // Packages' default exports are used as their documentation shows them.
    'import/no-named-as-default-member': 'off',
    // A closure that reads best beside its only use stays there.
    'unicorn/consistent-function-scoping': 'off',
    // The compiler sees missing returns (noImplicitReturns) and unused members better.
    'consistent-return': 'off',
    'no-unused-private-class-members': 'off',
    // Parameters of DDIs have their documented names, some of which are those of their types.
    'no-shadow': 'off',
    'typescript/no-misused-spread': 'off',
  },
  overrides: [
    ...ladder,
    { files: ['*.mjs', '*.config.mjs'], rules: { 'import/no-default-export': 'off', 'no-console': 'off' } },
    { files: ['test/**', 'examples/**', 'native/*.mjs', 'lab/*.mjs', 'docs/**/*.mjs'], rules: { 'no-console': 'off' } },
  ],
  ignorePatterns: ['dist', 'build', '.cache', 'out', 'coverage'],
}
