// Where the page starts.
import { mount } from "svelte";
import "./font.css";
import "./app.css";
import App from "./App.svelte";
import { loadSettings } from "./lib/settings.svelte";

const target = document.getElementById("app");
void loadSettings();
if (target) mount(App, { target });
