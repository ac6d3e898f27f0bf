// How a catalogue page looks: light and dark, from a phone's width up.
#pragma once

#include <string_view>

namespace imgforge::release {

inline constexpr std::string_view kCatalogueStyle = R"css(
:root{--bg:#fbfbfa;--card:#fff;--ink:#1c1e21;--dim:#5a6068;--line:#d9dcdf;--link:#0b57a4;--own:#b9c0c7;--more:#6b747e;
--good:#12652f;--good-bg:#dff3e4;--warn:#7a4a00;--warn-bg:#fdeecb;--bad:#9b1c1c;--bad-bg:#fbe3e1;--info:#40464d;--info-bg:#e8eaed;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#a0529b;--c4:#b58900;--c5:#2b8acb;--c6:#7b5b3a}
@media screen and (prefers-color-scheme:dark){:root{--bg:#15171a;--card:#1d2024;--ink:#e6e8ea;--dim:#a3aab2;--line:#363b41;--link:#7db8f0;--own:#4a5057;--more:#98a2ad;
--good:#a5e0b6;--good-bg:#153a22;--warn:#f3cf85;--warn-bg:#43310b;--bad:#f5b4b0;--bad-bg:#4a1a19;--info:#ccd1d6;--info-bg:#2d3238;
--c0:#4ea3dc;--c1:#f08a3c;--c2:#35c79c;--c3:#d08acb;--c4:#e0b93a;--c5:#86c8f5;--c6:#b8926c}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header,main{max-width:72rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.5rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.25rem 0 .75rem}
h3{font-size:1rem;margin:1.25rem 0 .25rem;overflow-wrap:anywhere}
a{color:var(--link)}
a:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-100rem}
.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.5rem}
.stats{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.75rem;margin:0}
.stats div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem;display:flex;flex-direction:column-reverse}
.stats dd{margin:0;font-size:1.35rem;font-weight:600;order:1}
.stats dt{color:var(--dim);font-size:.875rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:1rem 0 0;padding:0}
.dim{color:var(--dim)}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
th,td{text-align:left;padding:.45rem 1.2rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--dim);font-weight:600;font-size:.8125rem}
tbody th{font-weight:600;min-width:9rem}
td:nth-child(2):not(.n){min-width:8rem}
@media (min-width:64rem){td:nth-child(n+3):not(.n){min-width:14rem}}
@media print,(min-width:48.01rem) and (max-width:63.99rem){table{table-layout:fixed}tbody th,td:nth-child(2):not(.n){min-width:0}}
.n{text-align:right;white-space:nowrap}
td div+div{margin-top:.2rem}
.mark{display:inline-block;border-radius:.3rem;padding:0 .4rem;font-size:.8125rem;font-weight:600;background:var(--info-bg);color:var(--info)}
.mark.good{background:var(--good-bg);color:var(--good)}
.mark.warning{background:var(--warn-bg);color:var(--warn)}
.mark.error{background:var(--bad-bg);color:var(--bad)}
.notes{padding-left:1.1rem;overflow-wrap:anywhere}
.notes li{margin:.6rem 0}
.of{font-size:.9375rem}
.bars{display:grid;gap:.45rem}
.bar{display:grid;grid-template:"name bar size"/minmax(0,20rem) minmax(0,1fr) 4.5rem;gap:0 1rem;align-items:center;font-size:.9375rem;line-height:1.3}
.name{grid-area:name;overflow-wrap:anywhere}
.bar .size{grid-area:size;text-align:right}
.bar svg{grid-area:bar;width:100%;height:1.25rem;display:block;border-radius:.25rem;background:var(--info-bg)}
.keys .key:not(:first-child){margin-left:1rem}
.size{color:var(--dim);font-variant-numeric:tabular-nums;white-space:nowrap}
.key{width:.8rem;height:.8rem;vertical-align:-.05rem;border-radius:.15rem}
rect{stroke:var(--bg);stroke-width:1.5;vector-effect:non-scaling-stroke}
.own{fill:var(--own)}.more{fill:var(--more)}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}.c6{fill:var(--c6)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem}
article h3{margin-top:0}
article{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;min-width:0}
article:target{border-color:var(--link);box-shadow:0 0 0 2px var(--link)}
.where{margin:0 0 .6rem;color:var(--dim);font-size:.875rem;overflow-wrap:anywhere}
code{font-size:.8125rem}
.chips{list-style:none;display:flex;flex-wrap:wrap;gap:.35rem;margin:0 0 .6rem;padding:0}
.chips li{border:1px solid var(--line);border-radius:1rem;padding:0 .6rem;font-size:.875rem;overflow-wrap:anywhere}
.facts{margin:0;font-size:.9375rem}
.facts div{display:grid;grid-template-columns:7rem 1fr;gap:.5rem;padding:.2rem 0}
.facts dt{color:var(--dim);overflow-wrap:anywhere}
.facts dd{margin:0;overflow-wrap:anywhere}
.facts p{margin:0 0 .25rem}
details{margin-top:.5rem}
summary{cursor:pointer;color:var(--link)}
.layers{padding-left:1.6rem;font-size:.9375rem;overflow-wrap:anywhere}
.moves{list-style:none;margin:.3rem 0 1rem;padding:0;font-size:.9375rem;overflow-wrap:anywhere}
.moves li{display:grid;grid-template-columns:6rem minmax(0,1fr);padding:.2rem 0}
.moves time{color:var(--dim);font-variant-numeric:tabular-nums}
@media screen and (max-width:48rem){
.bar{grid-template:"name size" "bar bar"/minmax(0,1fr) auto;gap:.15rem .75rem}
.bars{gap:.8rem}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,tbody th,td{display:block}
tr{border-bottom:1px solid var(--line);padding:.5rem 0}
tbody th,td,td.n{border:0;padding:.15rem 0;text-align:left;white-space:normal}
td{position:relative;padding-left:6rem!important}
td::before{content:attr(data-label);position:absolute;left:0;color:var(--dim)}
}
@media print{body{background:#fff;font-size:11pt}nav,.skip{display:none}a{color:inherit;text-decoration:none}
article,.bar,tr,.notes li,.moves li{break-inside:avoid}h2,h3{break-after:avoid}
rect,.mark,.bar svg{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
main{padding-bottom:3rem}
)css";

}  // namespace imgforge::release
