// <pad-twin>: the twin as points, turned by mouse, touch or arrow keys; red where a part differs.
const RECORD = 20; // bytes of a point: place 3 × float32, radius float32, colour RGB and padding
const VERTEX = `#version 300 es
in vec3 place; in float radius; in vec3 colour; in float heat;
uniform mat3 turn; uniform vec2 scale; uniform float away, pixels, marked;
out vec3 shade;
void main() {
  vec3 seen = turn * place; // x right, y up, z towards the eye
  float depth = away - seen.z;
  gl_Position = vec4(seen.xy * scale, depth - 1.0, depth);
  gl_PointSize = clamp(2.0 * radius * pixels / depth, 3.0, 64.0);
  float grey = dot(colour, vec3(0.3, 0.59, 0.11));
  vec3 base = mix(mix(vec3(0.12), vec3(1.0), colour), vec3(mix(0.35, 0.85, grey)), marked * 0.5);
  shade = mix(base, vec3(0.93, 0.06, 0.12), smoothstep(0.05, 0.6, heat));
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 shade; out vec4 colour;
void main() {
  vec2 place = 2.0 * gl_PointCoord - 1.0;
  float far = dot(place, place);
  if (far > 1.0) discard;
  colour = vec4(shade * (1.08 - 0.16 * far), 1.0);
}`;
const AWAY = 3.6, FOCUS = 3.7; // half sizes of the part from the eye to its middle; of the lens

class Twin extends HTMLElement {
  connectedCallback() {
    this.canvas = document.createElement("canvas");
    this.note = document.createElement("p");
    this.note.hidden = true;
    this.append(this.canvas, this.note);
    this.tabIndex = 0;
    this.yaw = 0.7; this.pitch = 0.5; this.shown = ["", null, 0]; this.count = 0; this.busy = false;
    this.gl = this.canvas.getContext("webgl2", { antialias: true, alpha: true });
    if (this.gl) this.prepare();
    this.setAttribute("role", "img");
    let at = null; // where the finger or the mouse was last; not every browser says how far it moved
    this.addEventListener("pointerdown", (event) => { at = event; this.setPointerCapture(event.pointerId); });
    this.addEventListener("pointermove", (event) => {
      if (!event.buttons || !at || event.pointerId !== at.pointerId) return;
      this.turnBy(event.clientX - at.clientX, event.clientY - at.clientY);
      at = event;
    });
    this.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, -20], ArrowDown: [0, 20] }[event.key];
      if (step) { event.preventDefault(); this.turnBy(...step); }
    });
    new ResizeObserver(() => this.draw()).observe(this);
  }

  prepare() {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    ["place", "radius", "colour", "heat"].forEach((name, index) => gl.bindAttribLocation(program, index, name));
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    this.uniform = Object.fromEntries(["turn", "scale", "away", "pixels", "marked"].map((n) => [n, gl.getUniformLocation(program, n)]));
    this.points = gl.createBuffer();
    this.heat = gl.createBuffer();
  }

  // Shows the twin of a product, and on it the heat of a reject, if any; `views` grows when more is known of it.
  async show(checksum, reject, views, notes) {
    const wanted = [checksum, reject, views];
    if (this.busy || String(wanted) === String(this.shown) || !checksum) return;
    if (!this.gl) return this.say(notes.unable);
    this.busy = true;
    try {
      if (checksum !== this.shown[0]) {
        const points = await load(`/twin/${checksum}`);
        this.places = null;
        this.count = points ? points.byteLength / RECORD : 0;
        if (points) this.take(points);
        this.say(points ? "" : notes.none);
      }
      const heat = this.count && reject !== null ? await load(`/heat/${reject}`) : null;
      const fits = heat !== null && heat.byteLength === this.count;
      this.takeHeat(fits ? new Uint8Array(heat) : new Uint8Array(this.count), fits);
      this.shown = wanted;
    } catch { /* no connection: asked for again with the next word from the line */ } finally { this.busy = false; }
    this.draw();
  }

  say(words) { this.note.textContent = words; this.note.hidden = !words; }

  take(points) {
    const gl = this.gl;
    this.places = new DataView(points);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.points);
    gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW);
    [[0, 3, gl.FLOAT, false, 0], [1, 1, gl.FLOAT, false, 12], [2, 3, gl.UNSIGNED_BYTE, true, 16]].forEach(([index, size, kind, unit, at]) => {
      gl.enableVertexAttribArray(index);
      gl.vertexAttribPointer(index, size, kind, unit, RECORD, at);
    });
  }

  takeHeat(heat, marked) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.heat);
    gl.bufferData(gl.ARRAY_BUFFER, heat, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(3);
    gl.vertexAttribPointer(3, 1, gl.UNSIGNED_BYTE, true, 1, 0);
    this.marked = marked && heat.some((value) => value > 32) ? 1 : 0;
    if (this.marked) this.face(heat);
  }

  // Turns the side of the hottest place to the eye.
  face(heat) {
    const middle = [0, 0, 0];
    let sum = 0;
    heat.forEach((value, index) => {
      const weight = value > 96 ? value * value : 0;
      sum += weight;
      for (let axis = 0; axis < 3; axis += 1) middle[axis] += weight * this.places.getFloat32(RECORD * index + 4 * axis, true);
    });
    if (!sum) return;
    const [x, y, z] = middle.map((value) => value / sum);
    const flat = Math.hypot(x, y);
    if (flat > 0.05) this.yaw = Math.atan2(y, x);
    this.pitch = Math.min(1.2, Math.max(0.25, Math.atan2(z, flat) * 0.6 + 0.35));
  }

  turnBy(x, y) {
    this.yaw -= x * 0.01;
    this.pitch = Math.min(1.55, Math.max(-1.55, this.pitch + y * 0.01));
    this.draw();
  }

  draw() {
    const gl = this.gl, ratio = Math.min(devicePixelRatio, 2);
    if (!gl) return;
    const width = Math.round(this.clientWidth * ratio), height = Math.round(this.clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) { this.canvas.width = width; this.canvas.height = height; }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!this.count) return;
    const [sy, cy, sp, cp] = [Math.sin(this.yaw), Math.cos(this.yaw), Math.sin(this.pitch), Math.cos(this.pitch)];
    // Rows: right, up, towards the eye; z of the part is up. Columns first, as WebGL takes them.
    gl.uniformMatrix3fv(this.uniform.turn, false, [-sy, -sp * cy, cp * cy, cy, -sp * sy, cp * sy, 0, cp, sp]);
    const side = Math.min(width, height);
    gl.uniform2f(this.uniform.scale, (FOCUS * side) / width, (FOCUS * side) / height);
    gl.uniform1f(this.uniform.away, AWAY);
    gl.uniform1f(this.uniform.pixels, (FOCUS * side) / 2);
    gl.uniform1f(this.uniform.marked, this.marked ?? 0);
    gl.drawArrays(gl.POINTS, 0, this.count);
  }
}

async function load(path) {
  const response = await fetch(path);
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(response.status);
  return response.arrayBuffer();
}
customElements.define("pad-twin", Twin);
