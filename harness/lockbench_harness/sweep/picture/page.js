// Draws what the tables of the page say. Data come from the island; nothing is fetched.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const hex = (address) => "0x" + address.toString(16).padStart(5, "0");
  const range = (first, last) => (first === last ? hex(first) : hex(first) + " – " + hex(last));
  const escape = (text) => text.replace(/[&<>]/g, (char) => "&#" + char.charCodeAt(0) + ";");
  const tone = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const SHOWN = 24; // columns that the heat map opens with
  const config = { responsive: true, displaylogo: false, scrollZoom: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  let chosen = 0, scaled = false;

  function layout(more) {
    const axis = { gridcolor: tone("line"), linecolor: tone("line"), zeroline: false, automargin: true };
    return {
      paper_bgcolor: tone("card"), plot_bgcolor: tone("card"), showlegend: false, bargap: 0,
      font: { color: tone("ink"), size: 12, family: getComputedStyle(document.body).fontFamily },
      margin: { l: 10, r: 16, t: 34, b: 10 }, hoverlabel: { align: "left" }, dragmode: "zoom",
      ...more, xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
    };
  }

  // Folded, each column is as wide as any other, and a dotted line stands where addresses are skipped.
  function edges(view) {
    const x = [], column = [], skips = [];
    let before = null;
    view.columns.forEach(([first, last], number) => {
      if (before !== null && first > before + 1) {
        if (scaled) {
          column.push(null);
          x.push(before + 1);
        } else skips.push(number);
      }
      x.push(scaled ? first : number);
      column.push(number);
      before = last;
    });
    x.push(scaled ? before + 1 : view.columns.length);
    return { x, column, skips };
  }

  // A round number of hexadecimal that leaves some six ticks.
  const step = (span) => Math.max(16, 2 ** Math.ceil(Math.log2(span / 6)));

  function drawHeat() {
    const view = data.views[chosen];
    const box = document.querySelector("#view-" + chosen + " .plot");
    const { x, column, skips } = edges(view);
    const pick = (make) => view.cells.map((row, line) => column.map((n) => {
      const cell = n === null ? null : row[n];
      return cell ? make(cell, line) : null;
    }));
    const steps = data.verdicts.length;
    const hover = ([gravity, number], line) => {
      const [stage, first, last, operations] = view.blocks[number];
      return escape(stage) + ", " + view.rows[line].split(" · ")[1] + "<br>" + range(first, last) + ", " + operations +
        " operations<br><b>" + data.verdicts[gravity][0] + " " + escape(data.verdicts[gravity][1]) + "</b>";
    };
    const colours = [];
    for (let n = 0; n < steps; n++) colours.push([n / steps, tone("v" + n)], [(n + 1) / steps, tone("v" + n)]);
    const ticks = column.flatMap((n, place) => (n === null ? [] : [place]));
    const many = ticks.length > SHOWN;
    const from = Math.max(0, Math.min(...view.commit, ticks.length) - 2);
    const near = many && view.commit.length && !scaled;
    const narrow = box.clientWidth < 500;
    Plotly.react(box, [{
      type: "heatmap", x, y: view.rows, z: pick(([gravity]) => gravity), zmin: -0.5, zmax: steps - 0.5, colorscale: colours,
      showscale: false, xgap: scaled ? 0 : 2, ygap: 2, hoverongaps: false, customdata: pick(hover),
      hovertemplate: "%{customdata}<extra></extra>", text: pick(([gravity]) => data.verdicts[gravity][0]),
      texttemplate: scaled ? "" : "%{text}", textfont: { color: tone("on"), size: 13 },
    }], layout({
      height: 150 + 24 * view.rows.length,
      shapes: skips.map((at) => ({
        type: "line", x0: at, x1: at, xref: "x", yref: "paper", y0: 0, y1: 1, line: { width: 2, dash: "dot", color: tone("soft") },
      })),
      xaxis: {
        title: { text: "flash offset" + (scaled ? "" : ", folded"), font: { color: tone("soft") } }, side: "bottom", showgrid: false,
        ...(scaled ? { tickformat: "#x", tick0: 0, dtick: step(x[x.length - 1] - x[0]) } : {
          tickvals: ticks.map((place) => (x[place] + x[place + 1]) / 2),
          ticktext: ticks.map((place) => hex(view.columns[column[place]][0])), tickangle: narrow || ticks.length > 8 ? -60 : 0,
        }),
        ...(near ? { range: [x[ticks[from]], x[ticks[Math.min(from + SHOWN, ticks.length) - 1] + 1]] } : {}),
      },
      yaxis: { autorange: "reversed", showgrid: false, ticks: "", tickfont: { size: narrow ? 10 : 12 } },
    }), config);
  }

  function drawRun() {
    const box = document.getElementById("run");
    if (!box) return;
    const paints = { client: "v4", lock: "v5", flash: "v2", link: "v1", supply: "v0" };
    const symbols = { client: "circle", lock: "diamond", flash: "square", link: "triangle-up", supply: "x" };
    const traces = data.lanes.map((lane) => {
      const own = data.events.filter((event) => event.lane === lane);
      const points = own.flatMap((event) => [event.x, event.x2, null]);
      const words = own.flatMap((event) => {
        const text = escape(event.words) + (event.place ? " " + event.place : "") + (event.count > 1 ? ", " + event.count + " times" : "") +
          "<br>from " + event.start.toFixed(3) + " s";
        return [text, text, null];
      });
      return {
        type: "scatter", mode: "lines+markers", name: lane, x: points, y: points.map((x) => (x === null ? null : lane)), text: words,
        hovertemplate: "%{text}<extra></extra>", line: { width: 9, color: tone(paints[lane]) },
        marker: { size: 11, symbol: symbols[lane], color: tone(paints[lane]), line: { width: 1, color: tone("card") } },
      };
    });
    Plotly.react(box, traces, layout({
      height: 330, xaxis: { title: { text: "seconds", font: { color: tone("soft") } } },
      yaxis: { categoryorder: "array", categoryarray: [...data.lanes].reverse(), type: "category" },
    }), config);
  }

  function drawWear() {
    const box = document.getElementById("worn");
    if (!box) return;
    const x = [], y = [];
    for (const [first, last, erases] of data.wear) {
      for (let sector = first; sector <= last; sector += 4096) { x.push(sector); y.push(erases); }
    }
    Plotly.react(box, [{
      type: "bar", x, y, width: x.map(() => 4096), offset: 0, marker: { color: tone("v4"), line: { width: 0 } },
      customdata: x.map(hex), hovertemplate: "sector %{customdata}: %{y} erases<extra></extra>",
    }], layout({
      height: 280, xaxis: { title: { text: "sector", font: { color: tone("soft") } }, tickformat: "#x", tick0: 0, dtick: step(x[x.length - 1] - x[0]) },
      yaxis: { title: { text: "erases", font: { color: tone("soft") } }, dtick: 1, rangemode: "tozero" },
    }), config);
  }

  function choose(number) {
    chosen = number;
    document.querySelectorAll(".view").forEach((view, at) => {
      view.classList.toggle("chosen", at === number);
      view.querySelector("details").open = true;
    });
    drawHeat();
  }

  function draw() {
    if (data.views.length) drawHeat();
    drawRun();
    drawWear();
  }

  root.classList.add("drawn");
  if (data.views.length) {
    const scale = document.getElementById("scale");
    document.getElementById("choice").addEventListener("change", (event) => choose(Number(event.target.value)));
    scale.addEventListener("click", () => {
      scaled = !scaled;
      scale.setAttribute("aria-pressed", String(scaled));
      scale.textContent = scaled ? "Folded" : "True scale";
      drawHeat();
    });
    document.getElementById("all").addEventListener("click", () => {
      Plotly.relayout(document.querySelector("#view-" + chosen + " .plot"), { "xaxis.autorange": true, "yaxis.autorange": "reversed" });
    });
    choose(0);
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
