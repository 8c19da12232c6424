import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["build", "dist", "node_modules", "eslint.config.js"] },
    tseslint.configs.strictTypeChecked,
    { languageOptions: { parserOptions: { project: "./tsconfig.test.json" } } },
    {
        rules: {
            "@typescript-eslint/no-confusing-void-expression": [
                "error",
                { ignoreArrowShorthand: true },
            ],
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
            // node:test waits for its own.
            "@typescript-eslint/no-floating-promises": [
                "error",
                {
                    allowForKnownSafeCalls: [
                        { from: "package", package: "node:test", name: ["test"] },
                    ],
                },
            ],
        },
    },
);
