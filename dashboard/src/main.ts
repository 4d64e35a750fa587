// Where the page starts.
import { mount } from "svelte";
import "uplot/dist/uPlot.min.css";
import "./app.css";
import App from "./App.svelte";
import { loadSettings } from "./lib/settings.svelte";

const target = document.getElementById("app");
if (target) mount(App, { target });
void loadSettings();
