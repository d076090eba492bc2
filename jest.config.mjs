/** One project a kind of test; `npm test` runs all but `lab`, which runs inside the virtual bench. */
const project = (name) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  extensionsToTreatAsEsm: ['.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/build'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript', explicitResourceManagement: true }, target: 'es2022' } },
    ],
  },
})

export default {
  // Against tests that hang, on machines of any speed; nothing is measured by it.
  testTimeout: 120_000,
  cacheDirectory: '<rootDir>/.cache/jest',
  projects: ['unit', 'contract', 'native', 'cli', 'lab'].map(project),
}
