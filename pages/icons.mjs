// Draws the icons that phones put on a home screen from src/satchel.svg: node icons.mjs FOLDER
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Resvg } from "@resvg/resvg-js";

const [folder] = process.argv.slice(2);
const icon = readFileSync(new URL("src/satchel.svg", import.meta.url), "utf8");

// A launcher cuts its own shape out of the whole (W3C manifest, "maskable"), and keeps the inner four fifths; iOS rounds the corners itself.
const ground = icon.match(/<rect [^>]*fill="([^"]+)"[^>]*\/>/);
if (!ground) throw new Error("src/satchel.svg has no ground to draw a maskable icon on");
const whole = icon.replace(ground[0], "").replace(/viewBox="0 0 32 32"/, 'viewBox="-4 -4 40 40"').replace(/<g /, `<rect x="-4" y="-4" width="40" height="40" fill="${ground[1]}"/><g `);

mkdirSync(folder, { recursive: true }); // the Dockerfile begins without it
for (const [name, svg, size] of [
  ["icon-192.png", icon, 192],
  ["icon-512.png", icon, 512],
  ["icon-maskable.png", whole, 512],
  ["icon-touch.png", whole, 180],
]) {
  writeFileSync(join(folder, name), new Resvg(svg, { fitTo: { mode: "width", value: size } }).render().asPng());
}
