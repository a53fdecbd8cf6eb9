// Private: how a report looks.
#pragma once

namespace reverie::output {

inline constexpr const char* kReportStyle = R"(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1d2129;--quiet:#5d6675;--rule:#dfe3e9;--accent:#2f7ed8}
@media(prefers-color-scheme:dark){:root{--page:#121418;--card:#1b1e24;--ink:#e4e7ec;--quiet:#98a1b0;--rule:#2c313a;--accent:#6aa9f0}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
main{max-width:1120px;margin:0 auto;padding:clamp(16px,4vw,40px)}
header{border-left:4px solid var(--accent);padding-left:16px;margin-bottom:28px}
h1{font-size:clamp(1.4rem,4.5vw,2rem);line-height:1.2;margin:0 0 6px}
h2{font-size:1.1rem;margin:0 0 14px}
header p{margin:0;color:var(--quiet)}
section{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:clamp(14px,3vw,24px);margin:0 0 20px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));column-gap:32px;margin:0}
dl div{display:flex;justify-content:space-between;gap:16px;padding:5px 0;border-bottom:1px solid var(--rule)}
dt{color:var(--quiet);flex:none;max-width:50%}
dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
.options dd{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.85em;line-height:1.75}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:20px 28px}
.plots svg{width:100%;height:auto;display:block}
figure{margin:0}
figcaption{color:var(--quiet);font-size:.875rem;margin-top:6px}
img{max-width:100%;height:auto;display:block;border-radius:4px}
.whole{image-rendering:pixelated}
.pictures{display:flex;flex-wrap:wrap;gap:24px}
.strip{display:flex;gap:16px;overflow-x:auto;scroll-snap-type:x proximity;padding-bottom:10px}
.strip figure{flex:0 0 auto;width:min(82%,340px);scroll-snap-align:start}
.strip img{width:100%}
.strip figcaption{margin:0 0 6px}
ul{margin:0;padding-left:1.2em}
summary{cursor:pointer;font-size:1.1rem;font-weight:600}
details[open] summary{margin-bottom:14px}
)";

}  // namespace reverie::output
