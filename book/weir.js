// Colours of Weir's own language. Its words are held against the compiler's by a test.
"use strict";
(function () {
    if (typeof hljs === "undefined") return;
    const declarations =
        "zone conduit network gateway cluster workload class device external role group protocol operation " +
        "core radio slice template instance import policy exception interface";
    hljs.registerLanguage("weir", function (hljs) {
        return {
            name: "Weir",
            keywords: {
                keyword: declarations + " use allow deny assert only never isolated between in where and or not on as",
                literal: "true false any index",
            },
            contains: [
                hljs.COMMENT("//", "$"),
                { className: "string", begin: '"', end: '"', illegal: "\\n", contains: [{ begin: "\\\\." }] },
                { className: "title", begin: "\\b[A-Z][A-Za-z0-9]*\\b" },
                { className: "number", begin: "\\b(0x[0-9a-fA-F]+|[0-9][0-9a-fA-F]*([.:][0-9a-fA-F]+)*(/[0-9]+)?)\\b" },
            ],
        };
    });
    for (const block of document.querySelectorAll("code.language-weir")) hljs.highlightBlock(block);
})();
